// Outcomes as the parameters of the statement that makes them true.
#pragma once

#include <span>

#include "core/pg/params.h"
#include "notifier/lanes.h"

namespace sluice::notifier {

// Parameters of commit_attempts. All of `batch` are of one claimant, none is interrupted.
[[nodiscard]] pg::Params commit_params(std::int64_t process, std::span<const Ended> batch, const Lanes::News& news);

}  // namespace sluice::notifier
