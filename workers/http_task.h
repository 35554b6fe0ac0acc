// Requests as the guarded client takes them, and free-standing http tasks.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/http/request.h"
#include "workers/disposition.h"

namespace sluice::workers {

// The engine's request, secrets already in it, for the guarded client. Carries the Idempotency-Key of FLOW 8
// and the correlation id, unless the flow gives a header of that name itself.
[[nodiscard]] http::Request request_of(flow::HttpCall call, std::string_view correlation_id);

// A node's own retry policy: delay × backoff^(attempt - 1), or what the receiver asked for in Retry-After if that is
// longer.
[[nodiscard]] std::chrono::milliseconds node_retry_delay(const flow::HttpCall::Retry& policy, int attempt,
                                                         std::string_view retry_after, Timestamp now);

// "status 503", "timeout": what is kept of an attempt that failed. Never the URL, which may hold a secret.
[[nodiscard]] std::string attempt_error(const flow::HttpOutcome& outcome);

// The request of a task {"url", "method", "headers", "body", "timeout"} of sluice.enqueue('http', …); what is wrong
// with it otherwise. References to secrets are marked for put_secrets, as in a webhook node.
[[nodiscard]] std::expected<flow::HttpCall, std::string> http_task_call(const ClaimedTask& task);

// 2xx is done, with status and JSON body as the result; what may pass is tried again; else it is a dead letter.
[[nodiscard]] Ending http_task_result(const ClaimedTask& task, const http::Response& response, Timestamp now);

}  // namespace sluice::workers
