// Threads for calls that block (name resolution, files), apart from libuv's own pool so that neither starves the other.
#pragma once

#include <atomic>
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

  // Runs `call` on a thread and returns its result on the loop, or throws what it threw. A caller that is cancelled
  // leaves the call to finish on its own, so `call` must own all that it uses.
  template <typename T>
  Task<T> run(std::function<T()> call) {
    std::optional<T> value = co_await run_until<T>(std::move(call), kNoDeadline);
    co_return std::move(*value);
  }

  // The same, but gives up at the deadline or a stop and returns nothing. A call that no thread has begun by then is
  // skipped.
  template <typename T>
  Task<std::optional<T>> run_until(std::function<T()> call, Deadline deadline, StopToken stop = {}) {
    struct Outcome {
      std::optional<T> value;
      std::exception_ptr failure;
      std::atomic<bool> abandoned = false;
    };
    struct Abandon {  // also when the coroutine is destroyed
      std::shared_ptr<Outcome> outcome;
      ~Abandon() { outcome->abandoned = true; }
    };
    const Abandon owner{std::make_shared<Outcome>()};
    auto done = std::make_shared<Event>(loop_);
    post(
        [outcome = owner.outcome, call = std::move(call)] {
          if (outcome->abandoned) return;
          try {
            outcome->value.emplace(call());
          } catch (...) {
            outcome->failure = std::current_exception();
          }
        },
        done);
    const Woken woken = co_await done->wait(deadline, stop);
    if (woken != Woken::kReady) co_return std::nullopt;
    if (owner.outcome->failure) std::rethrow_exception(owner.outcome->failure);
    co_return std::move(owner.outcome->value);
  }

 private:
  struct State;
  void post(std::function<void()> call, std::shared_ptr<Event> done);

  Loop& loop_;
  std::unique_ptr<State> state_;
};

}  // namespace sluice
