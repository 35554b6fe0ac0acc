#include "core/async/poll.h"

#include <uv.h>

#include "core/base/errors.h"

namespace sluice {

Poll::Poll(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  auto handle = std::make_unique<uv_poll_t>();
  if (const int status = uv_poll_init(loop.handle(), handle.get(), fd); status != 0) {
    throw Error("cannot watch descriptor " + std::to_string(fd) + ": " + uv_strerror(status));
  }
  handle->data = this;
  handle_.reset(handle.release());
}

Poll::~Poll() = default;

void Poll::Close::operator()(uv_poll_s* handle) const noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) noexcept { delete reinterpret_cast<uv_poll_t*>(closed); });
}

void Poll::start(Wait& wait, Readiness readiness) {
  static_assert(static_cast<int>(Readiness::kReadable) == UV_READABLE &&
                static_cast<int>(Readiness::kWritable) == UV_WRITABLE);
  wait.event.insert_before(waits_);
  uv_poll_start(handle_.get(), static_cast<int>(readiness),
                [](uv_poll_t* handle, int /*status*/, int /*events*/) noexcept {
                  auto* poll = static_cast<Poll*>(handle->data);
                  uv_poll_stop(handle);
                  if (poll->waits_.linked()) poll->waits_.next()->wait->wake(Woken::kReady);
                });
}

void Poll::stop() noexcept {
  uv_poll_stop(handle_.get());
}

}  // namespace sluice
