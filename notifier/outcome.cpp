#include "notifier/outcome.h"

#include <algorithm>

#include "core/base/backoff.h"
#include "core/http/header_policy.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;

constexpr double kJitter = 0.2;
constexpr milliseconds kOwnFaultDelay{1000};  // the lane's own pause grows beyond it
constexpr milliseconds kMaxDelay = std::chrono::hours(24);

// Whether `word` is among the values of a header, which are parted by commas.
bool lists(std::string_view header, std::string_view word) {
  while (!header.empty()) {
    const auto comma = std::min(header.find(','), header.size());
    std::string_view item = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (http::equal_names(item, word)) return true;
  }
  return false;
}

Outcome ours(Outcome::Kind kind, http::Failure failure, double u) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.delay = with_jitter(kOwnFaultDelay, kJitter, u);
  outcome.error_class = name_of(failure);
  return outcome;
}

// Sets kind and delay of an attempt that failed.
void plan_next(Outcome& outcome, const Delivery& delivery, double u) {
  const int made = delivery.attempts + 1;
  const std::optional<milliseconds> scheduled = delivery.destination->schedule->delay_after(made);
  outcome.kind = Outcome::Kind::kDead;
  if (!scheduled) return;
  const milliseconds delay =
      std::max(with_jitter(*scheduled, kJitter, u), std::min(outcome.pause.value_or(milliseconds(0)), kMaxDelay));
  if (delivery.age + delay > delivery.destination->max_age) return;
  outcome.kind = Outcome::Kind::kRetry;
  outcome.delay = delay;
}

}  // namespace

std::string_view name_of(Outcome::Kind kind) noexcept {
  switch (kind) {
    case Outcome::Kind::kDelivered:
      return "delivered";
    case Outcome::Kind::kRetry:
      return "retry";
    case Outcome::Kind::kDead:
      return "dead";
    case Outcome::Kind::kDeferred:
      return "deferred";
    case Outcome::Kind::kInterrupted:
      return "interrupted";
  }
  return "";
}

std::optional<Outcome> judge_unsent(const Delivery& delivery) {
  if (!delivery.message_id.empty() && delivery.age <= delivery.destination->max_age) return std::nullopt;
  Outcome outcome;
  outcome.kind = Outcome::Kind::kDead;
  outcome.error_class = delivery.message_id.empty() ? "message_gone" : "too_old";
  return outcome;
}

Outcome judge(const Delivery& delivery, const http::Response& response, Timestamp now, double u) {
  Outcome outcome;
  if (lists(response.webhook_delivery, "disable"))
    outcome.disable = "asked by the endpoint with webhook-delivery: disable";
  if (response.is_2xx()) {
    outcome.kind = Outcome::Kind::kDelivered;
    return outcome;
  }
  // With a status in hand the receiver has spoken, however the exchange ended after that.
  if (response.status == 0 && response.failure == http::Failure::kStopped) {
    return ours(Outcome::Kind::kInterrupted, response.failure, u);
  }
  if (response.status == 0 && response.failure == http::Failure::kResource) {
    return ours(Outcome::Kind::kDeferred, response.failure, u);
  }
  outcome.error_class = response.status != 0 ? "status" : name_of(response.failure);
  outcome.pause = parse_retry_after(response.retry_after, now);
  outcome.overloaded = response.status == 429 || response.status == 503 || response.failure == http::Failure::kTimeout;
  if (response.status == 410) outcome.disable = "the endpoint answered 410 gone";
  plan_next(outcome, delivery, u);
  if (lists(response.webhook_delivery, "abort-message")) outcome.kind = Outcome::Kind::kDead;
  return outcome;
}

}  // namespace sluice::notifier
