// Walks a resolved tree. Errors are values: an operator with one gives it on, `&&`, `||` and the quantifiers may absorb
// it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/flow/cel/ast.h"
#include "core/flow/cel/value.h"

namespace sluice::cel {

// Where variables come from: a JSON context or typed bindings.
class Variables {
 public:
  Variables() = default;
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;
  virtual ~Variables() = default;

  [[nodiscard]] virtual std::optional<Value> find(std::string_view name) const = 0;

  // Whether names such as a.b may be variables: then the longest prefix of a.b.c that is one is meant.
  [[nodiscard]] virtual bool has_qualified_names() const { return false; }
};

class Evaluator {
 public:
  Evaluator(Work& work, const Variables& variables, std::uint32_t slots)
      : work_(work), variables_(variables), slots_(work.array<Value>(slots)) {}

  // Throws LimitExceeded, and nothing else but bad_alloc.
  [[nodiscard]] Value evaluate(const Node& node);

 private:
  Value variable(const Node& node);
  Value select(const Node& node);
  std::optional<Value> qualified(const Node& node);
  Value has(const Node& node);
  Value index(const Node& node);
  Value list(const Node& node);
  Value map(const Node& node);
  Value logic(const Node& node);
  Value conditional(const Node& node);
  Value unary(const Node& node);
  Value binary(const Node& node);
  Value call(const Node& node);
  Value unknown(const Node& node);

  // macros.cpp
  Value quantifier(const Node& node);
  Value exists_one(const Node& node);
  Value collect(const Node& node);
  Value filter(const Node& node);
  Value collect_map(const Node& node);
  Value collect_entries(const Node& node);
  // Runs `step` for each element with the slots set, until it gives a value that ends the loop. The loop's range is
  // args[0].
  template <typename Step>
  std::optional<Value> each(const Node& node, Step step);
  // Whether the macro's filter, if it has one, lets the present element pass: a bool, or an error.
  Value passes(const Node& node);

  Value fail(const Node& node, std::string_view message) { return cel::fail(work_, node.offset, message); }
  Value not_bool(const Node& node, const Value& value);

  Work& work_;
  const Variables& variables_;
  std::span<Value> slots_;
};

// An operator on two values that are no errors.
[[nodiscard]] Value apply_binary(Work& work, const Node& node, const Value& left, const Value& right);
[[nodiscard]] Value apply_unary(Work& work, const Node& node, const Value& operand);

// list[i] or map[k].
[[nodiscard]] Value apply_index(Work& work, const Node& node, const Value& container, const Value& key);

}  // namespace sluice::cel
