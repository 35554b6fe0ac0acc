// The listener daemon: brings events from the log to their consumers.
#pragma once

#include <memory>

#include "core/service/daemon.h"

namespace sluice::listener {

[[nodiscard]] std::unique_ptr<Service> make_listener();

}  // namespace sluice::listener
