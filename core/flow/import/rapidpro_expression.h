// RapidPro's @expressions and router tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

inline constexpr std::string_view kInput = "temp.input";        // the last answer
inline constexpr std::string_view kResponse = "temp.response";  // the body of the last request

// Where a reference without '@' lives here: results.age → variables.age, contact.name → user.name; empty when nowhere.
[[nodiscard]] std::string path_of(std::string_view reference);

// The text with @references as {{…}} and @@ as @. What has no counterpart stays and is reported at `path`.
[[nodiscard]] std::string rewrite_expressions(std::string_view text, Draft& draft, const std::string& path);

// One case of a router as CEL over the operand's path, or nothing for a test that has no counterpart.
[[nodiscard]] std::optional<std::string> test_of(std::string_view type, const std::vector<std::string>& arguments,
                                                 const std::string& operand);

}  // namespace sluice::flow::importing
