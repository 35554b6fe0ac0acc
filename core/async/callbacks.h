// Descriptors and timers for C libraries that run a state machine of their own (curl, libmicrohttpd) and want to be
// called back each time. Coroutines use Poll and Loop::sleep instead.
#pragma once

#include <chrono>
#include <memory>

#include "core/async/poll.h"

struct uv_poll_s;
struct uv_timer_s;

namespace sluice {

// Watches a descriptor that somebody else owns and closes, and calls back whenever it is ready, until told otherwise.
// One watch or Poll a descriptor. May be destroyed from inside its own callback; destroy it before the descriptor is
// closed.
class Watch {
 public:
  // `ready` holds Readiness bits; both are set when the descriptor has failed.
  using Callback = void (*)(void* owner, int fd, unsigned ready) noexcept;

  Watch(Loop& loop, int fd, Callback callback, void* owner);  // throws Error when the descriptor cannot be watched
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void start(Readiness readiness) noexcept;  // replaces what was wanted before
  void stop() noexcept;

  // A watch that is unreferenced does not keep the loop running.
  void unreference() noexcept;

 private:
  struct Close {
    void operator()(uv_poll_s* handle) const noexcept;
  };
  int fd_;
  Callback callback_;
  void* owner_;
  std::unique_ptr<uv_poll_s, Close> handle_;
};

// Calls back once, after a delay. May be started again or destroyed from inside its callback.
class Timer {
 public:
  using Callback = void (*)(void* owner) noexcept;

  Timer(Loop& loop, Callback callback, void* owner);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(std::chrono::milliseconds delay) noexcept;  // replaces a start before
  void stop() noexcept;
  void unreference() noexcept;

 private:
  struct Close {
    void operator()(uv_timer_s* handle) const noexcept;
  };
  Callback callback_;
  void* owner_;
  std::unique_ptr<uv_timer_s, Close> handle_;
};

}  // namespace sluice
