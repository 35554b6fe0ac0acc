// The event loop: one libuv loop, one thread. Everything in this folder is used on the loop's own thread unless it says
// otherwise.
#pragma once

#include <exception>
#include <memory>
#include <optional>

#include "core/async/stop_token.h"
#include "core/async/task.h"
#include "core/async/wait.h"

struct uv_loop_s;

namespace sluice {

struct Sleep : WaitAwaiter {
  Sleep(Loop& loop, Deadline until, StopToken stop) : WaitAwaiter(loop, until) { stop.link(wait); }
};

class Loop {
 public:
  Loop();
  ~Loop();  // every handle must be closed or closable: destroy tasks and connections first
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Drives the loop until `task` has finished and returns what it returned, or throws what it threw.
  template <typename T>
  T run(Task<T> task);

  // Suspends until `deadline` or a stop. A deadline in the past still lets other coroutines run once.
  [[nodiscard]] Sleep sleep_until(Deadline deadline, StopToken stop = {}) { return Sleep(*this, deadline, stop); }
  [[nodiscard]] Sleep sleep(Clock::duration duration, StopToken stop = {}) {
    return sleep_until(Clock::now() + duration, stop);
  }

  [[nodiscard]] uv_loop_s* handle() noexcept;

 private:
  friend class Wait;
  struct Handles;

  void run_until(const bool& finished);
  void make_ready(Wait& wait) noexcept;
  void arm_timer() noexcept;
  void resume_ready() noexcept;
  void fire_timers() noexcept;

  std::unique_ptr<Handles> handles_;
  WaitLink ready_;
  Wait::Timers timers_;
};

template <typename T>
T Loop::run(Task<T> task) {
  std::exception_ptr failure;
  bool finished = false;
  if constexpr (std::is_void_v<T>) {
    auto drive = [](Task<T> inner, std::exception_ptr& failed, bool& done) -> detail::Root {
      try {
        co_await std::move(inner);
      } catch (...) {
        failed = std::current_exception();
      }
      done = true;
    };
    const auto root = drive(std::move(task), failure, finished);
    run_until(finished);
    if (failure) std::rethrow_exception(failure);
  } else {
    std::optional<T> value;
    auto drive = [](Task<T> inner, std::optional<T>& result, std::exception_ptr& failed, bool& done) -> detail::Root {
      try {
        result.emplace(co_await std::move(inner));
      } catch (...) {
        failed = std::current_exception();
      }
      done = true;
    };
    const auto root = drive(std::move(task), value, failure, finished);
    run_until(finished);
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }
}

}  // namespace sluice
