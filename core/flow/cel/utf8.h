// Code points of UTF-8 text. A byte that begins no valid sequence counts as one code point of itself, so nothing here
// can fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/utf8.h"

namespace sluice::cel {

// The first code point; `text` is not empty.
[[nodiscard]] inline Utf8Char first_code_point(std::string_view text) {
  return decode_utf8(text, 0);
}

[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] std::size_t count_code_points(std::string_view text);

// The byte where the code point of that index begins; text.size() when there are no more.
[[nodiscard]] std::size_t byte_of(std::string_view text, std::size_t index);

// `code_point` must be a Unicode scalar value.
void append_code_point(std::string& text, std::uint32_t code_point);

[[nodiscard]] inline bool is_scalar(std::uint32_t code_point) {
  return code_point < 0xD800 || (code_point > 0xDFFF && code_point <= 0x10FFFF);
}

}  // namespace sluice::cel
