// What a suspended coroutine waits on. A Wait stands in the coroutine's frame, so destroying the coroutine takes it out
// of every list it is in: cancellation needs no code of its own.
#pragma once

#include <chrono>
#include <coroutine>
#include <map>

namespace sluice {

class Loop;
class Wait;

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

// Why a wait ended.
enum class Woken {
  kReady,    // what it waited for happened
  kTimeout,  // its deadline passed first
  kStopped,  // its StopToken was asked to stop first
};

// A doubly linked list of waits, threaded through the waits themselves; unlinks in constant time, never allocates.
struct WaitLink {
  WaitLink() = default;
  WaitLink(const WaitLink&) = delete;
  WaitLink& operator=(const WaitLink&) = delete;
  ~WaitLink() { unlink(); }

  void insert_before(WaitLink& next) noexcept;
  void unlink() noexcept;
  [[nodiscard]] bool linked() const noexcept { return next_ != this; }
  [[nodiscard]] WaitLink* next() const noexcept { return next_; }

  Wait* wait = nullptr;  // null in a list's head

 private:
  WaitLink* next_ = this;
  WaitLink* previous_ = this;
};

// One suspension: an event, a deadline and a stop may each end it; the first does, and the coroutine is resumed on the
// loop's next turn.
class Wait {
 public:
  explicit Wait(Loop& loop) noexcept;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();

  void suspend(std::coroutine_handle<> coroutine, Deadline deadline);  // call after linking `event` and `stop`
  void wake(Woken reason) noexcept;                                    // the first call counts, later ones do nothing
  [[nodiscard]] Woken reason() const noexcept { return reason_; }

  WaitLink event;  // in the list of the thing waited for
  WaitLink stop;   // in the list of the StopToken

 private:
  friend class Loop;
  using Timers = std::multimap<Deadline, Wait*>;

  Loop& loop_;
  WaitLink ready_;  // in the loop's list of coroutines to resume
  Timers::iterator timer_;
  bool timed_ = false;
  bool woken_ = false;
  Woken reason_ = Woken::kReady;
  std::coroutine_handle<> coroutine_;
};

// Awaits a Wait that was linked by the caller; yields why it ended.
struct WaitAwaiter {
  Wait wait;
  Deadline deadline;

  WaitAwaiter(Loop& loop, Deadline until) : wait(loop), deadline(until) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) { wait.suspend(coroutine, deadline); }
  [[nodiscard]] Woken await_resume() const noexcept { return wait.reason(); }
};

}  // namespace sluice
