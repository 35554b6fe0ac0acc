#include "core/async/task_scope.h"

#include <coroutine>
#include <utility>

namespace sluice {

// The root of one spawned task. Its frame enters itself in the scope when it starts and frees itself when it ends.
struct TaskScope::Child {
  struct promise_type {
    promise_type(TaskScope& owner, Task<void>& /*task*/) : scope(owner) { scope.children_.insert(address()); }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    ~promise_type() {
      scope.children_.erase(address());
      scope.changed_.set();
    }

    void* address() noexcept { return std::coroutine_handle<promise_type>::from_promise(*this).address(); }
    Child get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // drive() catches everything

    TaskScope& scope;
  };
};

TaskScope::~TaskScope() {
  while (!children_.empty()) std::coroutine_handle<>::from_address(*children_.begin()).destroy();
}

TaskScope::Child TaskScope::drive(TaskScope& scope, Task<void> task) {
  try {
    co_await std::move(task);
  } catch (...) {
    if (!scope.failure_) scope.failure_ = std::current_exception();
    scope.stop_.request_stop();
  }
}

void TaskScope::spawn(Task<void> task) {
  drive(*this, std::move(task));
}

Task<void> TaskScope::join(std::size_t at_most) {
  while (children_.size() > at_most) {
    (void)co_await changed_.wait();
  }
  if (children_.empty() && failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

Task<void> stop_with(TaskScope& scope, StopToken outer, Event& over) {
  (void)co_await over.wait(kNoDeadline, outer);
  scope.request_stop();
}

}  // namespace sluice
