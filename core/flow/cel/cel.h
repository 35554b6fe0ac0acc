// CEL, the expression language of conditions, calculations and rules (FLOW 5): compile once, evaluate often. Nothing
// here reads a clock, a file of the user's or the network; an expression's cost is bounded by Limits, its size by the
// constants below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace sluice::cel {

inline constexpr std::size_t kMaxExpressionBytes = std::size_t{64} * 1024;
inline constexpr int kMaxNesting = 96;  // brackets, calls and conditionals inside each other
inline constexpr int kMaxHeight = 400;  // of the syntax tree: also bounds chains such as a + b + c + …

// What went wrong and where. Line and column count from 1, columns in bytes.
struct CelError {
  std::string message;  // lower case, names the thing
  std::size_t offset = 0;
  std::size_t line = 1;
  std::size_t column = 1;
};

using sluice::to_text;  // of Json, which the next would hide

// "line:column: message"
[[nodiscard]] std::string to_text(const CelError& error);

// What one evaluation may cost at most. Passing a limit is an error that `||` and `&&` do not absorb.
struct Limits {
  std::uint64_t steps = 200'000;   // one an operator, more where an operator's work grows with its operands
  std::size_t memory = 8U << 20U;  // bytes of strings, lists and maps produced
};

// A name that an expression uses: a free variable (the part before the first dot) or a function that does not exist.
struct Reference {
  std::string name;
  std::size_t offset = 0;
};

struct Compiled;

// A compiled expression: immutable, shared by its copies, usable from any thread.
class Program {
 public:
  [[nodiscard]] const std::string& text() const;

  // In order of appearance, a name as often as it appears. For validation: evaluation reports both as errors by itself.
  [[nodiscard]] const std::vector<Reference>& variables() const;
  [[nodiscard]] const std::vector<Reference>& unknown_functions() const;

  [[nodiscard]] const Compiled& compiled() const { return *compiled_; }

 private:
  friend std::expected<Program, CelError> compile(std::string_view expression);
  explicit Program(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;
};

// The top-level variables, by reference: nothing is copied or converted before an expression asks for it. Integers are
// CEL int (uint above the range of int), other numbers double. What it refers to must outlive the evaluation.
class Context {
 public:
  Context(const Json& object) : object_(&object) {}  // implicit: a context is its members

  // One more variable; it hides a member of that name.
  Context& with(std::string_view name, const Json& value) {
    extra_.emplace_back(name, &value);
    return *this;
  }

  // The variable, or nullptr.
  [[nodiscard]] const Json* find(std::string_view name) const;

 private:
  const Json* object_;
  std::vector<std::pair<std::string_view, const Json*>> extra_;
};

// Syntax errors only: unknown variables, unknown functions and operands of the wrong type are found by evaluation, as
// the standard has it. Reserved words, wrong macro arguments and texts over the limits are errors here.
[[nodiscard]] std::expected<Program, CelError> compile(std::string_view expression);

// The result as JSON: timestamps as RFC 3339 text, durations as "1.5s", bytes as base64, types by name, map keys as
// text, and NaN and the infinities as "NaN", "Infinity", "-Infinity", since JSON has no such numbers.
[[nodiscard]] std::expected<Json, CelError> evaluate(const Program& program, const Context& context,
                                                     Limits limits = {});

// As evaluate; a result that is no bool is an error.
[[nodiscard]] std::expected<bool, CelError> evaluate_bool(const Program& program, const Context& context,
                                                          Limits limits = {});

// Compiles and evaluates with typed variables and a typed result, for conformance tests and `sluice eval cel`: one
// member an object, named after the type: {"int":"1"}, {"uint":"1"}, {"double":1.5}, {"string":"a"}, {"bytes":base64},
// {"bool":true},
// {"null":true}, {"list":[…]}, {"map":[[key,value],…]}, {"type":"int"}, {"timestamp":RFC 3339}, {"duration":"1s"}.
// `bindings` is an object of such values by variable name. Malformed notation is an error at offset 0.
[[nodiscard]] std::expected<Json, CelError> eval_typed_json(std::string_view expression, const Json& bindings,
                                                            Limits limits = {});

}  // namespace sluice::cel
