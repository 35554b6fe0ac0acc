#include "core/async/event.h"

namespace sluice {

void Event::set() noexcept {
  if (!waits_.linked()) {
    set_ = true;
    return;
  }
  while (waits_.linked()) {
    WaitLink* link = waits_.next();
    link->unlink();
    link->wait->wake(Woken::kReady);
  }
}

}  // namespace sluice
