#include "core/async/blocking_pool.h"

#include <uv.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {

struct BlockingPool::State {
  struct Job {
    std::function<void()> call;
    std::shared_ptr<Event> done;
  };

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      wanted.wait(lock, [this] { return closing || !waiting.empty(); });
      if (closing) return;
      Job job = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      job.call();
      lock.lock();
      job.call = nullptr;  // what it owned is freed here, not on the loop
      finished.push_back(std::move(job));
      uv_async_send(async);
    }
  }

  void deliver() {
    std::vector<Job> batch;
    {
      const std::scoped_lock lock(mutex);
      batch.swap(finished);
      outstanding -= batch.size();
    }
    for (const Job& job : batch) job.done->set();
    // Only calls under way keep the loop alive.
    if (outstanding == 0) uv_unref(reinterpret_cast<uv_handle_t*>(async));
  }

  std::mutex mutex;
  std::condition_variable wanted;
  std::deque<Job> waiting;
  std::vector<Job> finished;
  std::size_t outstanding = 0;
  bool closing = false;
  uv_async_t* async = new uv_async_t;
  std::vector<std::thread> threads;
};

BlockingPool::BlockingPool(Loop& loop, int threads) : loop_(loop), state_(std::make_unique<State>()) {
  uv_async_init(loop.handle(), state_->async,
                [](uv_async_t* async) noexcept { static_cast<State*>(async->data)->deliver(); });
  state_->async->data = state_.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(state_->async));
  for (int i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

BlockingPool::~BlockingPool() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->closing = true;
  }
  state_->wanted.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
  uv_close(reinterpret_cast<uv_handle_t*>(state_->async),
           [](uv_handle_t* closed) noexcept { delete reinterpret_cast<uv_async_t*>(closed); });
}

void BlockingPool::post(std::function<void()> call, std::shared_ptr<Event> done) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->waiting.push_back({std::move(call), std::move(done)});
    state_->outstanding += 1;
  }
  uv_ref(reinterpret_cast<uv_handle_t*>(state_->async));
  state_->wanted.notify_one();
}

}  // namespace sluice
