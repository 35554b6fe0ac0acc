// The functions that expressions call. A name is found when the expression is compiled; which overload fits is decided
// by the function itself, from the kinds of its arguments.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/flow/cel/ast.h"
#include "core/flow/cel/value.h"

namespace sluice::cel {

// One call. Arguments are values, never errors; a member call's receiver is the first.
struct Call {
  Work& work;
  const Node& node;
  std::span<const Value> args;

  [[nodiscard]] Value error(std::string_view message) const { return fail(work, node.offset, message); }
  [[nodiscard]] Value no_overload() const;  // names the function and the kinds of the arguments

  // Whether the arguments are exactly of these kinds.
  template <typename... Kinds>
  [[nodiscard]] bool takes(Kinds... kinds) const {
    std::size_t at = 0;
    return args.size() == sizeof...(kinds) && (args[at++].is(kinds) && ...);
  }
};

enum class Style : std::uint8_t { kGlobal, kMember };

struct Function {
  std::string_view name;  // with its namespace: math.greatest
  Style style;
  std::uint8_t least;  // arguments, the receiver included
  std::uint8_t most;
  Value (*run)(const Call& call);
};

// Each table is in its own file.
[[nodiscard]] std::span<const Function> conversion_functions();
[[nodiscard]] std::span<const Function> string_functions();
[[nodiscard]] std::span<const Function> math_functions();
[[nodiscard]] std::span<const Function> time_functions();
[[nodiscard]] std::span<const Function> aggregate_functions();

// The function of that name, style and number of arguments, or nullptr.
[[nodiscard]] const Function* find_function(std::string_view name, Style style, std::size_t arguments);

// Whether any function bears the name, whatever its style and arguments.
[[nodiscard]] bool is_function(std::string_view name);

// "text".format([…]): string_functions' largest member, in format.cpp.
[[nodiscard]] Value format_text(const Call& call);

// As string() gives it.
[[nodiscard]] std::string double_to_text(double value);

}  // namespace sluice::cel
