// Waiting for a file descriptor.
#pragma once

#include <memory>

#include "core/async/loop.h"

struct uv_poll_s;

namespace sluice {

enum class Readiness : unsigned { kReadable = 1, kWritable = 2, kEither = 3 };

// Watches one descriptor that somebody else owns and closes. libuv allows one Poll a descriptor; destroy it before the
// descriptor is closed.
class Poll {
 public:
  Poll(Loop& loop, int fd);  // throws Error when the descriptor cannot be watched
  ~Poll();
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  // Suspends until the descriptor is ready in one of the ways asked for (errors count as ready: the next read tells).
  // One wait at a time. The watch lasts only as long as the wait.
  [[nodiscard]] auto wait(Readiness readiness, Deadline deadline = kNoDeadline, StopToken stop = {}) {
    struct Awaiter : WaitAwaiter {
      Poll& poll;
      Awaiter(Poll& owner, Readiness wanted, Deadline until, StopToken token)
          : WaitAwaiter(owner.loop_, until), poll(owner) {
        poll.start(wait, wanted);
        token.link(wait);
      }
      ~Awaiter() { poll.stop(); }
    };
    return Awaiter(*this, readiness, deadline, stop);
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  struct Close {
    void operator()(uv_poll_s* handle) const noexcept;  // frees in libuv's close callback
  };

  void start(Wait& wait, Readiness readiness);
  void stop() noexcept;

  Loop& loop_;
  int fd_;
  std::unique_ptr<uv_poll_s, Close> handle_;
  WaitLink waits_;
};

}  // namespace sluice
