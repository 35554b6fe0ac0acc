#include "workers/http_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/backoff.h"
#include "core/flow/http_call.h"
#include "core/http/correlation.h"

namespace sluice::workers {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kKeepBody = 1U << 20U;     // a node's mapping reads it
constexpr std::size_t kKeepResult = 64U << 10U;  // of a free-standing task, in its record
constexpr milliseconds kMaxDelay = std::chrono::hours(24);

}  // namespace

http::Request request_of(flow::HttpCall call, std::string_view correlation_id) {
  http::Request request;
  request.method = std::move(call.method);
  request.url = std::move(call.url);
  for (auto& [name, value] : call.headers) request.custom_headers.push_back({std::move(name), std::move(value)});
  if (!call.idempotency_key.empty()) request.headers.push_back({"Idempotency-Key", std::move(call.idempotency_key)});
  if (auto header = http::correlation_header(correlation_id)) request.headers.push_back(std::move(*header));
  request.body = std::move(call.body);
  request.timeout = call.timeout;
  request.keep_body = kKeepBody;
  return request;
}

milliseconds node_retry_delay(const flow::HttpCall::Retry& policy, int attempt, std::string_view retry_after,
                              Timestamp now) {
  const double factor = std::pow(std::max(policy.backoff, 1.0), std::max(attempt - 1, 0));
  const double wanted = static_cast<double>(policy.delay.count()) * factor;
  milliseconds delay(static_cast<std::int64_t>(std::min(wanted, static_cast<double>(kMaxDelay.count()))));
  if (const auto asked = parse_retry_after(retry_after, now)) delay = std::max<milliseconds>(delay, *asked);
  return delay;
}

std::string attempt_error(const flow::HttpOutcome& outcome) {
  return outcome.status != 0 ? fmt::format("status {}", outcome.status) : outcome.error;
}

std::expected<flow::HttpCall, std::string> http_task_call(const ClaimedTask& task) {
  return flow::make_free_call(task.payload, task.key.empty() ? fmt::format("task:{}", task.id) : task.key);
}

Ending http_task_result(const ClaimedTask& task, const http::Response& response, Timestamp now) {
  Outcome outcome;
  outcome.result = make_object();
  set(outcome.result, "status", Json(response.status));
  if (response.is_2xx()) {
    outcome.kind = Outcome::Kind::kDone;
    auto body = parse_json(response.body, {.max_bytes = kKeepResult});
    if (body) set(outcome.result, "body", std::move(*body));
    return outcome;
  }
  const bool refused = response.failure == http::Failure::kRefusedAddress ||
                       response.failure == http::Failure::kRefusedUrl ||
                       response.failure == http::Failure::kRefusedRequest;
  flow::HttpOutcome seen;
  seen.status = response.failure == http::Failure::kNone ? response.status : 0;
  seen.error = response.refusal.empty() ? std::string(http::name_of(response.failure)) : response.refusal;
  outcome.error = attempt_error(seen);
  if (!refused && flow::NodeRun::may_pass(seen)) {
    auto again = after_fault(task, outcome.error);
    if (auto* retry = std::get_if<Retry>(&again)) {
      if (const auto asked = parse_retry_after(response.retry_after, now))
        retry->delay = std::max<milliseconds>(retry->delay, *asked);
      return std::move(*retry);
    }
  }
  outcome.kind = Outcome::Kind::kFailed;
  return outcome;
}

}  // namespace sluice::workers
