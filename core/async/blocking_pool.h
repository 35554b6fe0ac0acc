// Threads for calls that block (name resolution, files), apart from libuv's own pool so that neither starves the other.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/async/event.h"
#include "core/async/task.h"

namespace sluice {

class BlockingPool {
 public:
  BlockingPool(Loop& loop, int threads);
  ~BlockingPool();  // waits for calls that have begun; drops those that have not
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Runs `call` on a thread and returns its result on the loop, or throws what it threw. A caller that is cancelled leaves the
  // call to finish on its own, so `call` must own all that it uses.
  template <typename T>
  Task<T> run(std::function<T()> call) {
    struct Outcome {
      std::optional<T> value;
      std::exception_ptr failure;
    };
    auto outcome = std::make_shared<Outcome>();
    auto done = std::make_shared<Event>(loop_);
    post(
        [outcome, call = std::move(call)] {
          try {
            outcome->value.emplace(call());
          } catch (...) {
            outcome->failure = std::current_exception();
          }
        },
        done);
    (void)co_await done->wait();
    if (outcome->failure) std::rethrow_exception(outcome->failure);
    co_return std::move(*outcome->value);
  }

 private:
  struct State;
  void post(std::function<void()> call, std::shared_ptr<Event> done);

  Loop& loop_;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
