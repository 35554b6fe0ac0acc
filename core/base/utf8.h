// Reading UTF-8 one character at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

struct Utf8Char {
  char32_t code = 0;
  std::size_t length = 1;  // bytes; 1 for what is not UTF-8
  bool valid = false;
};

// The character that begins at `at`, which is within `text`. Overlong forms, surrogates and code points beyond U+10FFFF
// are not valid.
[[nodiscard]] Utf8Char decode_utf8(std::string_view text, std::size_t at) noexcept;

// Whether a terminal or a line reader may act on the character in place of showing it: C0, DEL, C1, the line and
// paragraph separators, and what turns the direction of writing and so the order of what is read.
[[nodiscard]] bool acts_on_display(char32_t code) noexcept;

}  // namespace sluice
