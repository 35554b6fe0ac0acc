// A flag that coroutines of one loop wait for. set() wakes every waiter, or is kept for the next one to come.
#pragma once

#include "core/async/loop.h"

namespace sluice {

class Event {
 public:
  explicit Event(Loop& loop) noexcept : loop_(loop) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set() noexcept;

  // Takes a kept set() at once; else waits for one, the deadline or a stop.
  [[nodiscard]] auto wait(Deadline deadline = kNoDeadline, StopToken stop = {}) {
    struct Awaiter : WaitAwaiter {
      Awaiter(Event& event, Deadline until, StopToken token) : WaitAwaiter(event.loop_, until) {
        if (std::exchange(event.set_, false)) {
          wait.wake(Woken::kReady);
        } else {
          wait.event.insert_before(event.waits_);
          token.link(wait);
        }
      }
    };
    return Awaiter(*this, deadline, stop);
  }

 private:
  Loop& loop_;
  bool set_ = false;
  WaitLink waits_;
};

}  // namespace sluice
