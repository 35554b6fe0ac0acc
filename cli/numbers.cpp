#include "cli/numbers.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/table.h"

namespace sluice::cli {

std::int64_t number_argument(const Invocation& invocation, std::size_t n, std::string_view what) {
  const std::string text = invocation.argument(n);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1) {
    throw UsageError(fmt::format("'{}' is no {}", text, what),
                     fmt::format("a {} is a whole number, as the list shows it", what));
  }
  return number;
}

std::vector<std::int64_t> number_arguments(const Invocation& invocation, std::string_view what, std::size_t first) {
  std::vector<std::int64_t> numbers;
  for (std::size_t i = first; i < invocation.line.arguments.size(); ++i)
    numbers.push_back(number_argument(invocation, i, what));
  return numbers;
}

void print_done(const Invocation& invocation, const std::vector<std::int64_t>& ids, std::string_view what,
                std::string_view done) {
  if (invocation.json()) {
    Json list = make_array();
    for (const std::int64_t id : ids) push(list, Json(id));
    return print_json(list);
  }
  for (const std::int64_t id : ids) fmt::print("{} {} {}\n", what, id, done);
}

}  // namespace sluice::cli
