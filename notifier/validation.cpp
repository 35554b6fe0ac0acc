#include "notifier/validation.h"

#include <charconv>

#include "core/http/header_policy.h"

namespace sluice::notifier {
namespace {

constexpr int kMaxAttempts = 5;
constexpr std::chrono::seconds kFirstDelay{10};  // then three times as long each time
constexpr double kSecondsPerMinute = 60;

// "*" or what is no number: no limit of theirs.
std::optional<double> rate_of(const std::string& per_minute) {
  int rate = 0;
  const auto [end, error] = std::from_chars(per_minute.data(), per_minute.data() + per_minute.size(), rate);
  if (error != std::errc() || end != per_minute.data() + per_minute.size() || rate < 1) return std::nullopt;
  return rate / kSecondsPerMinute;
}

Validation again_or_refused(std::string error, int attempt) {
  if (attempt >= kMaxAttempts) return {.outcome = "refused", .error = std::move(error), .rate_limit = {}};
  std::chrono::seconds delay = kFirstDelay;
  for (int i = 1; i < attempt; ++i) delay *= 3;
  return {.outcome = "pending", .error = std::move(error), .rate_limit = {}, .delay = delay};
}

}  // namespace

http::Request make_validation_request(const std::string& url, const std::string& origin) {
  http::Request request;
  request.method = "OPTIONS";
  request.url = url;
  request.headers.push_back({"webhook-request-origin", origin});
  return request;
}

Validation judge_validation(const http::Response& response, const std::string& origin, int attempt) {
  if (response.status == 0) return again_or_refused(std::string(http::name_of(response.failure)), attempt);
  const std::string status = "status " + std::to_string(response.status);
  if (response.status == 429 || response.status >= 500) return again_or_refused(status, attempt);
  if (!response.is_2xx()) return {.outcome = "refused", .error = status, .rate_limit = {}};
  const std::string& allowed = response.webhook_allowed_origin;
  if (allowed != "*" && !http::equal_names(allowed, origin)) {
    return {.outcome = "refused",
            .error = allowed.empty() ? "the answer has no WebHook-Allowed-Origin"
                                     : "WebHook-Allowed-Origin is neither * nor " + origin,
            .rate_limit = {}};
  }
  return {.outcome = "validated", .error = {}, .rate_limit = rate_of(response.webhook_allowed_rate)};
}

}  // namespace sluice::notifier
