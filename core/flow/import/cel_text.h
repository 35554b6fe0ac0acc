// Pieces of CEL source that importers write.
#pragma once

#include <string>
#include <string_view>

namespace sluice::flow::importing {

// A CEL string literal in double quotes.
[[nodiscard]] std::string cel_string(std::string_view text);

// Whether the whole text is a decimal number, and whether it is a whole one.
[[nodiscard]] bool is_number(std::string_view text);
[[nodiscard]] bool is_integer(std::string_view text);

// The number as a CEL double: "30" → "30.0".
[[nodiscard]] std::string cel_double(std::string_view number);

[[nodiscard]] std::string_view stripped(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right);

}  // namespace sluice::flow::importing
