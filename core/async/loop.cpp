#include "core/async/loop.h"

#include <uv.h>

#include "core/base/errors.h"

namespace sluice {

void WaitLink::insert_before(WaitLink& next) noexcept {
  unlink();
  next_ = &next;
  previous_ = next.previous_;
  previous_->next_ = this;
  next.previous_ = this;
}

void WaitLink::unlink() noexcept {
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = this;
}

Wait::Wait(Loop& loop) noexcept : loop_(loop) {
  event.wait = stop.wait = ready_.wait = this;
}

Wait::~Wait() {
  if (timed_) loop_.timers_.erase(timer_);
}

void Wait::suspend(std::coroutine_handle<> coroutine, Deadline deadline) {
  coroutine_ = coroutine;
  if (woken_) {
    loop_.make_ready(*this);
  } else if (deadline != kNoDeadline) {
    timer_ = loop_.timers_.emplace(deadline, this);
    timed_ = true;
    if (timer_ == loop_.timers_.begin()) loop_.arm_timer();
  }
}

void Wait::wake(Woken reason) noexcept {
  if (woken_) return;
  woken_ = true;
  reason_ = reason;
  event.unlink();
  stop.unlink();
  if (timed_) {
    loop_.timers_.erase(timer_);
    timed_ = false;
  }
  if (coroutine_) loop_.make_ready(*this);
}

struct Loop::Handles {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_idle_t idle;  // runs while there are coroutines to resume, and keeps the loop from sleeping
};

Loop::Loop() : handles_(std::make_unique<Handles>()) {
  if (const int status = uv_loop_init(&handles_->loop); status != 0) {
    throw Error(std::string("cannot create an event loop: ") + uv_strerror(status), "raise the limit of open files");
  }
  uv_timer_init(&handles_->loop, &handles_->timer);
  uv_idle_init(&handles_->loop, &handles_->idle);
  handles_->timer.data = this;
  handles_->idle.data = this;
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->timer), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->idle), nullptr);
  uv_run(&handles_->loop, UV_RUN_DEFAULT);  // lets close callbacks of everything already closing free their handles
  uv_loop_close(&handles_->loop);
}

uv_loop_s* Loop::handle() noexcept {
  return &handles_->loop;
}

void Loop::run_until(const bool& finished) {
  while (!finished) {
    if (uv_run(&handles_->loop, UV_RUN_ONCE) == 0 && !finished && !ready_.linked() && timers_.empty()) {
      throw Error("deadlock: nothing is left that could wake the program's task");
    }
  }
}

void Loop::make_ready(Wait& wait) noexcept {
  wait.ready_.insert_before(ready_);
  uv_idle_start(&handles_->idle, [](uv_idle_t* idle) noexcept { static_cast<Loop*>(idle->data)->resume_ready(); });
}

void Loop::resume_ready() noexcept {
  // Only those ready now: a coroutine that makes itself ready again waits for the next turn, so input is never starved.
  WaitLink batch;
  while (ready_.linked()) {
    WaitLink* link = ready_.next();
    link->insert_before(batch);
  }
  while (batch.linked()) {
    WaitLink* link = batch.next();
    link->unlink();
    link->wait->coroutine_.resume();
  }
  if (!ready_.linked()) uv_idle_stop(&handles_->idle);
}

void Loop::arm_timer() noexcept {
  if (timers_.empty()) {
    uv_timer_stop(&handles_->timer);
    return;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
  uv_update_time(&handles_->loop);
  uv_timer_start(
      &handles_->timer, [](uv_timer_t* timer) noexcept { static_cast<Loop*>(timer->data)->fire_timers(); },
      left > 0 ? static_cast<std::uint64_t>(left) : 0, 0);
}

void Loop::fire_timers() noexcept {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) timers_.begin()->second->wake(Woken::kTimeout);
  arm_timer();
}

}  // namespace sluice
