#include "notifier/schedule.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/errors.h"
#include "core/base/json.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;

constexpr double kMaxSeconds = 30.0 * 24 * 3600;  // as the schema allows
constexpr int kMaxAttempts = 1000;

double number_in(const Json& object, std::string_view name, std::string_view whole) {
  const Json* member = find(object, name);
  if (member == nullptr || !member->IsNumber()) {
    throw Error("retry schedule " + std::string(whole) + " has no number " + std::string(name),
                R"(give a list of seconds, or {"base": s, "factor": f, "max": s, "attempts": n})");
  }
  return member->GetDouble();
}

milliseconds from_seconds(double seconds) {
  return milliseconds(std::llround(std::clamp(seconds, 0.0, kMaxSeconds) * 1000));
}

}  // namespace

RetrySchedule RetrySchedule::parse(std::string_view json) {
  const auto value = parse_json(json);
  if (value && value->IsArray() && !value->Empty()) {
    Delays delays;
    for (const Json& delay : value->GetArray()) {
      if (!delay.IsNumber()) throw Error("retry schedule " + std::string(json) + " has an entry that is no number");
      delays.push_back(from_seconds(delay.GetDouble()));
    }
    return RetrySchedule(std::move(delays));
  }
  if (!value || !value->IsObject())
    throw Error("retry schedule " + std::string(json) + " is neither a list nor an object");
  Exponential exponential;
  exponential.policy.base = from_seconds(number_in(*value, "base", json));
  exponential.policy.factor = std::max(number_in(*value, "factor", json), 1.0);
  exponential.policy.max = from_seconds(number_in(*value, "max", json));
  exponential.policy.jitter = 0;
  exponential.attempts = static_cast<int>(std::clamp<double>(number_in(*value, "attempts", json), 1, kMaxAttempts));
  return RetrySchedule(exponential);
}

std::optional<milliseconds> RetrySchedule::delay_after(int attempts) const {
  if (const auto* delays = std::get_if<Delays>(&form_)) {
    const auto next = static_cast<std::size_t>(attempts);
    return next < delays->size() ? std::optional((*delays)[next]) : std::nullopt;
  }
  const auto& exponential = std::get<Exponential>(form_);
  if (attempts >= exponential.attempts) return std::nullopt;
  return backoff_delay(exponential.policy, attempts, 0);
}

}  // namespace sluice::notifier
