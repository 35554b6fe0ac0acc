// From a response body to the state (FLOW 8): a webhook's mapping reads {variable: source}, an api_call's {source:
// variable}; in both a side that starts with $ is the source.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

enum class MappingKind { kWebhook, kApiCall };

// The value at a source: $, $.a.b, .N, [N], and the same without $., all from the root of `body`; nullptr when missing.
[[nodiscard]] const Json* at_source(const Json& body, std::string_view source);

// Targets as the mapping names them with copies of their values, in the mapping's order. Missing sources are skipped.
[[nodiscard]] std::vector<std::pair<std::string, Json>> mapped(const Json& mapping, const Json& body, MappingKind kind);

// The same as one object; dotted targets nest.
[[nodiscard]] Json mapped_object(const Json& mapping, const Json& body, MappingKind kind);

// A response body as a value: JSON when it parses, else its text (bytes that are not UTF-8 replaced).
[[nodiscard]] Json body_value(std::string_view body);

// The value with every U+0000 in its texts replaced by U+FFFD: PostgreSQL's jsonb cannot hold that character.
[[nodiscard]] Json storable(Json value);

}  // namespace sluice::flow
