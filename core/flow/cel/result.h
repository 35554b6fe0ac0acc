// Values outside of CEL: plain JSON, and the typed notation of the conformance cases.
#pragma once

#include <expected>
#include <string>

#include "core/base/json.h"
#include "core/flow/cel/value.h"

namespace sluice::cel {

// `value` is no error. The error is a message: two keys of a map with one text, or nesting beyond what JSON is read with.
[[nodiscard]] std::expected<Json, std::string> to_json(const Value& value);

// {"int":"1"} and so on, as cel.h describes.
[[nodiscard]] std::expected<Json, std::string> to_typed_json(const Value& value);

// The reverse; what it refers to must outlive the value, which lives in `work`.
[[nodiscard]] std::expected<Value, std::string> from_typed_json(Work& work, const Json& typed);

}  // namespace sluice::cel
