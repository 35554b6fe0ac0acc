#include "core/async/stop_token.h"

namespace sluice {

bool StopToken::stop_requested() const noexcept {
  return source_ != nullptr && source_->requested_;
}

void StopToken::link(Wait& wait) const noexcept {
  if (source_ == nullptr) return;
  if (source_->requested_) {
    wait.wake(Woken::kStopped);
  } else {
    wait.stop.insert_before(source_->waits_);
  }
}

void StopSource::request_stop() noexcept {
  requested_ = true;
  while (waits_.linked()) {
    WaitLink* link = waits_.next();
    link->unlink();
    link->wait->wake(Woken::kStopped);
  }
}

}  // namespace sluice
