// The notifier daemon: delivers webhooks to their subscribers (WEBHOOKS).
#pragma once

#include <memory>

#include "core/service/daemon.h"

namespace sluice::notifier {

[[nodiscard]] std::unique_ptr<Service> make_notifier();

}  // namespace sluice::notifier
