// Requests a second, as a bucket that refills steadily.
#pragma once

#include <optional>

#include "core/async/wait.h"

namespace sluice::notifier {

class RateLimit {
 public:
  // Requests a second, or no limit. At most a tenth of a second's worth, and at least one, may go at once.
  void set(std::optional<double> per_second, Clock::time_point now);

  [[nodiscard]] bool is_limited() const noexcept { return per_second_.has_value(); }

  // How many may go now; nothing when there is no limit.
  [[nodiscard]] std::optional<int> available(Clock::time_point now) const;
  void take(Clock::time_point now);

  // When the next one may go, if none may at the moment; else kNoDeadline.
  [[nodiscard]] Deadline next(Clock::time_point now) const;

 private:
  [[nodiscard]] double tokens_at(Clock::time_point now) const;
  [[nodiscard]] double capacity() const;

  std::optional<double> per_second_;
  double tokens_ = 1;
  Clock::time_point counted_{};
};

}  // namespace sluice::notifier
