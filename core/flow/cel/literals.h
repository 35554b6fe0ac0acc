// The values of literals as they are written in an expression.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/flow/cel/value.h"

namespace sluice::cel {

// Text that a literal stands for.
struct TextLiteral {
  bool bytes = false;
  std::string text;
};

struct LiteralError {
  std::string message;
  std::size_t offset = 0;  // within the literal
};

// `token` is the whole literal, with prefixes b and r and its quotes, as the grammar matched it.
[[nodiscard]] std::expected<TextLiteral, LiteralError> text_literal(std::string_view token);

// `token` is decimal or hexadecimal with sign and u, as the grammar matched it.
[[nodiscard]] std::expected<Value, LiteralError> integer_literal(std::string_view token);
[[nodiscard]] std::expected<Value, LiteralError> real_literal(std::string_view token);

// A whole decimal text as a double, infinities and NaN by name included; nullopt: not a number or beyond the range.
[[nodiscard]] std::optional<double> parse_double(std::string_view text);

}  // namespace sluice::cel
