// What messages, inputs and actions say, in words.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.h"

namespace sluice::cli {

// The content of a history row as one text: what a message says, what was answered, else compact JSON. Options come
// apart.
[[nodiscard]] std::string words_of(const Json& content);

// The labels of a question's options in order; none when it has none.
[[nodiscard]] std::vector<std::string> options_of(const Json& content);

}  // namespace sluice::cli
