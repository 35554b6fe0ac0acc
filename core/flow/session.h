// What a session's state and bookkeeping look like from inside the engine (FLOW 2): scopes, size, keys, times.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/engine.h"

namespace sluice::flow {

inline constexpr int kMaxDepth = 16;                      // of composites inside each other
inline constexpr std::size_t kMaxStateBytes = 1U << 20U;  // of the state as compact JSON

// session:node:revision, the key of a task and of every wait.
[[nodiscard]] std::string wait_key(std::string_view session_id, std::string_view node_id, int revision);

// The number from which a session's random choices are made: the same session always chooses alike, whoever runs it.
[[nodiscard]] std::uint64_t seed_of(std::string_view session_id);

// RFC 3339 in UTC with microseconds, as the database prints it in JSON.
[[nodiscard]] std::string to_text(Time time);

// Bytes of the value as compact JSON, counted without writing it; at most a little over `enough`, where counting stops.
[[nodiscard]] std::size_t text_size(const Json& value, std::size_t enough);

// The error of a state above the limit, or nothing.
[[nodiscard]] std::expected<void, std::string> check_size(const Json& state);

// The composite's reference to another flow: "flow", by name or id.
[[nodiscard]] std::string_view flow_reference(const Json& content);

// The default values of a flow's declared variables, for those that `variables` lacks.
void apply_defaults(const Json& declarations, Json& variables);

// The value as the declaration of variables.<name> wants it: numbers and booleans are read from text, numbers are
// written to text; what fits nowhere is an error. Undeclared variables and null pass.
[[nodiscard]] std::expected<Json, std::string> as_declared(const Json& declarations, std::string_view path, Json value);

}  // namespace sluice::flow
