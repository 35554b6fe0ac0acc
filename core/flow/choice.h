// Matching an input with the options of a question (FLOW 6).
#pragma once

#include <expected>
#include <string>

#include "core/base/json.h"
#include "core/flow/question.h"

namespace sluice::flow {

// The option by value, payload, label or text; "$N" is the option at index N. Stores the whole option. Its edges: "$N"
// of its payload, then "$<index>".
[[nodiscard]] std::expected<Accepted, std::string> chosen_one(const Json& options, const Json& input);

// A list of options: from a list of answers, or from a text with commas. Options keep their own order, each once.
[[nodiscard]] std::expected<Accepted, std::string> chosen_many(const Json& options, const Json& input);

}  // namespace sluice::flow
