// Owns the tasks it spawns: they end before it does, or are cancelled by its destructor. Nothing runs detached.
#pragma once

#include <exception>
#include <unordered_set>

#include "core/async/event.h"
#include "core/async/task.h"

namespace sluice {

class TaskScope {
 public:
  explicit TaskScope(Loop& loop) noexcept : changed_(loop) {}
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope();  // cancels what still runs; not to be called from one of its own tasks

  // Starts the task at once, up to its first suspension. The first failure of any task asks the others to stop through
  // stop_token() and is kept for join().
  void spawn(Task<void> task);

  // Waits until at most `at_most` tasks run. Throws the first failure, once, when nothing runs any more.
  Task<void> join(std::size_t at_most = 0);

  [[nodiscard]] std::size_t running() const noexcept { return children_.size(); }
  [[nodiscard]] StopToken stop_token() noexcept { return stop_.token(); }
  void request_stop() noexcept { stop_.request_stop(); }

 private:
  struct Child;
  static Child drive(TaskScope& scope, Task<void> task);

  Event changed_;
  StopSource stop_;
  std::exception_ptr failure_;
  std::unordered_set<void*> children_;  // addresses of the coroutine frames that run
};

// For spawning in the scope: passes a request to stop on from `outer`, until `over` is set. What then runs by the
// scope's token stops as well when one of the scope's tasks has failed.
Task<void> stop_with(TaskScope& scope, StopToken outer, Event& over);

}  // namespace sluice
