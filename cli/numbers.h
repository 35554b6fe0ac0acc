// Arguments that are ids in numbers, and what is said when something was done to each of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace sluice::cli {

// UsageError naming the argument unless it is a whole number from 1 on. Several: all arguments from the `first` on.
[[nodiscard]] std::int64_t number_argument(const Invocation& invocation, std::size_t n, std::string_view what);
[[nodiscard]] std::vector<std::int64_t> number_arguments(const Invocation& invocation, std::string_view what,
                                                         std::size_t first = 0);

// "task 4711 will run again", a line each; as JSON the list of ids.
void print_done(const Invocation& invocation, const std::vector<std::int64_t>& ids, std::string_view what,
                std::string_view done);

}  // namespace sluice::cli
