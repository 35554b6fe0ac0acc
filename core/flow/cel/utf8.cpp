#include "core/flow/cel/utf8.h"

namespace sluice::cel {

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char next = first_code_point(text);
    if (!next.valid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(first_code_point(text).length);
    ++count;
  }
  return count;
}

std::size_t byte_of(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += first_code_point(text.substr(at)).length;
  return at;
}

void append_code_point(std::string& text, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  const auto put_tail = [&](unsigned shift) { put(0x80U | (code_point >> shift & 0x3FU)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0U | code_point >> 6U);
    put_tail(0);
  } else if (code_point < 0x10000) {
    put(0xE0U | code_point >> 12U);
    put_tail(6);
    put_tail(0);
  } else {
    put(0xF0U | code_point >> 18U);
    put_tail(12);
    put_tail(6);
    put_tail(0);
  }
}

}  // namespace sluice::cel
