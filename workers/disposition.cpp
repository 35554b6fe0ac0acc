#include "workers/disposition.h"

#include <random>

#include "core/base/backoff.h"

namespace sluice::workers {
namespace {

constexpr BackoffPolicy kFaultBackoff{
    .base = std::chrono::seconds(1), .factor = 2, .max = std::chrono::hours(1), .jitter = 0.2};

double any_fraction() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return random_fraction(random);
}

}  // namespace

std::string_view to_text(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::kStep:
      return "step";
    case Outcome::Kind::kFailed:
      return "failed";
    case Outcome::Kind::kDone:
      return "done";
    case Outcome::Kind::kDiscarded:
      return "discarded";
  }
  return "failed";
}

Ending after_fault(const ClaimedTask& task, const std::string& error) {
  if (task.attempt < task.max_attempts) return Retry{backoff_delay(kFaultBackoff, task.attempt, any_fraction()), error};
  Outcome outcome;
  outcome.kind = Outcome::Kind::kFailed;
  outcome.error = error;
  return outcome;
}

}  // namespace sluice::workers
