// When a failed delivery is tried again (WEBHOOKS 3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/backoff.h"

namespace sluice::notifier {

// Either a list of delays, the first of which came before the first attempt, or an exponential form with its number of
// attempts.
class RetrySchedule {
 public:
  // JSON as endpoints have it: [0, 5, 300] or {"base", "factor", "max", "attempts"}, in seconds. Throws Error for
  // anything else.
  [[nodiscard]] static RetrySchedule parse(std::string_view json);

  // The delay after `attempts` have failed, before jitter; nothing when there are no more.
  [[nodiscard]] std::optional<std::chrono::milliseconds> delay_after(int attempts) const;

 private:
  struct Exponential {
    BackoffPolicy policy;
    int attempts;
  };
  using Delays = std::vector<std::chrono::milliseconds>;
  explicit RetrySchedule(std::variant<Delays, Exponential> form) : form_(std::move(form)) {}
  std::variant<Delays, Exponential> form_;
};

}  // namespace sluice::notifier
