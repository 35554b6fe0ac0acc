// The pure evaluations behind `sluice eval` (DESIGN 9.2): one JSON object in, one JSON object out.
#pragma once

#include <string_view>

#include "core/base/json.h"

namespace sluice::flow {

// {"state","if"} → {"result": bool}, with "trace" when something in the condition was false by error. An optional
// "conditions" object names what $ref finds.
[[nodiscard]] Json eval_condition(const Json& request);

// {"state","template","mode":"keep|drop|value"} → {"result"}. The mode is keep when absent.
[[nodiscard]] Json eval_template(const Json& request);

// {"expr","ctx"} → {"result"}, or {"expr","bindings"} → the typed result; {"error"} when it fails.
[[nodiscard]] Json eval_cel(const Json& request);

// {"mapping","body","kind":"webhook|api_call"} → {"result"}. The kind is webhook when absent.
[[nodiscard]] Json eval_mapping(const Json& request);

}  // namespace sluice::flow
