// Webhook nodes and api_call actions (FLOW 8): the request that a node wants made, and what its outcome means.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/flow/engine.h"
#include "core/flow/mapping.h"

namespace sluice::flow {

// The request of a webhook node's content or an api_call's parameters, rendered against the state; secrets stay marks.
// The error names what is missing or not allowed.
[[nodiscard]] std::expected<HttpCall, std::string> make_call(const Json& spec, const Json& state,
                                                             std::string idempotency_key);

// A call that stands free of any flow: its URL and headers may name secrets; its body is data, and goes out as it is.
[[nodiscard]] std::expected<HttpCall, std::string> make_free_call(const Json& spec, std::string idempotency_key);

// What the outcome writes, by target: the mapping of a 2xx body, else of fallback_response when there is one. The error
// says why the call failed, by status or error class, never by the response's text.
[[nodiscard]] std::expected<std::vector<std::pair<std::string, Json>>, std::string> outcome_values(
    const Json& spec, const HttpOutcome& outcome, MappingKind kind);

// The longest that the request with all its retries should take, with a minute's grace for queues and a breaker.
[[nodiscard]] std::chrono::seconds call_budget(const Json& spec);

}  // namespace sluice::flow
