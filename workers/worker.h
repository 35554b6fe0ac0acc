// The worker daemon: claims tasks, runs them, commits what came of them.
#pragma once

#include <memory>

#include "core/service/daemon.h"

namespace sluice::workers {

[[nodiscard]] std::unique_ptr<Service> make_worker();

}  // namespace sluice::workers
