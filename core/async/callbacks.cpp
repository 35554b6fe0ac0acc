#include "core/async/callbacks.h"

#include <uv.h>

#include "core/base/errors.h"

namespace sluice {

Watch::Watch(Loop& loop, int fd, Callback callback, void* owner) : fd_(fd), callback_(callback), owner_(owner) {
  auto handle = std::make_unique<uv_poll_t>();
  if (const int status = uv_poll_init(loop.handle(), handle.get(), fd); status != 0) {
    throw Error("cannot watch descriptor " + std::to_string(fd) + ": " + uv_strerror(status));
  }
  handle->data = this;
  handle_.reset(handle.release());
}

Watch::~Watch() = default;

void Watch::Close::operator()(uv_poll_s* handle) const noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) noexcept { delete reinterpret_cast<uv_poll_t*>(closed); });
}

void Watch::start(Readiness readiness) noexcept {
  uv_poll_start(handle_.get(), static_cast<int>(readiness), [](uv_poll_t* handle, int status, int events) noexcept {
    const auto* watch = static_cast<Watch*>(handle->data);
    constexpr auto kBoth = static_cast<unsigned>(Readiness::kEither);
    watch->callback_(watch->owner_, watch->fd_, status < 0 ? kBoth : static_cast<unsigned>(events) & kBoth);
  });
}

void Watch::stop() noexcept {
  uv_poll_stop(handle_.get());
}

void Watch::unreference() noexcept {
  uv_unref(reinterpret_cast<uv_handle_t*>(handle_.get()));
}

Timer::Timer(Loop& loop, Callback callback, void* owner) : callback_(callback), owner_(owner), handle_(new uv_timer_t) {
  uv_timer_init(loop.handle(), handle_.get());
  handle_->data = this;
}

Timer::~Timer() = default;

void Timer::Close::operator()(uv_timer_s* handle) const noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) noexcept { delete reinterpret_cast<uv_timer_t*>(closed); });
}

void Timer::start(std::chrono::milliseconds delay) noexcept {
  uv_update_time(handle_->loop);  // the loop's idea of now is as old as its last turn
  uv_timer_start(
      handle_.get(),
      [](uv_timer_t* handle) noexcept {
        const auto* timer = static_cast<Timer*>(handle->data);
        timer->callback_(timer->owner_);
      },
      static_cast<std::uint64_t>(delay.count()), 0);
}

void Timer::stop() noexcept {
  uv_timer_stop(handle_.get());
}

void Timer::unreference() noexcept {
  uv_unref(reinterpret_cast<uv_handle_t*>(handle_.get()));
}

}  // namespace sluice
