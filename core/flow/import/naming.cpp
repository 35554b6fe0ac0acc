#include "core/flow/import/naming.h"

#include <algorithm>

namespace sluice::flow::importing {
namespace {

constexpr std::size_t kLongest = 60;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string slug(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (name.size() >= kLongest) break;
    if (is_letter(c) || is_digit(c)) {
      name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    } else if (c != '\'' && !name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  return name;
}

bool safe_variable(std::string_view name) {
  if (name.empty() || is_digit(name.front()) || name.front() == '.') return false;
  return std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; });
}

std::string Names::take(std::string_view wish, std::string_view fallback) {
  const std::string base(wish.empty() ? fallback : wish);
  std::string name = base;
  while (!taken_.insert(name).second) {
    int& count = next_[base];
    count = std::max(count, 1) + 1;
    name = base + "_" + std::to_string(count);
  }
  return name;
}

}  // namespace sluice::flow::importing
