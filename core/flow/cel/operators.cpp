// Arithmetic, comparison and membership (langdef, "Standard definitions"): operands of one type, overflow is an error.
#include <fmt/format.h>

#include <cmath>

#include "core/flow/cel/evaluator.h"
#include "core/flow/cel/times.h"

namespace sluice::cel {
namespace {

std::string_view symbol(Op op) {
  switch (op) {
    case Op::kAdd:
      return "+";
    case Op::kSubtract:
      return "-";
    case Op::kMultiply:
      return "*";
    case Op::kDivide:
      return "/";
    case Op::kModulo:
      return "%";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kIn:
      return "in";
    case Op::kNot:
      return "!";
    default:
      return "-";
  }
}

Value no_overload(Work& work, const Node& node, const Value& left, const Value& right) {
  return fail(
      work, node.offset,
      fmt::format("no such overload: {} {} {}", type_name(left.kind()), symbol(node.op), type_name(right.kind())));
}

// Int or uint, of which one function serves both: the builtins report overflow in the result's type.
template <typename Integer>
Value integer_arithmetic(Work& work, const Node& node, Integer left, Integer right) {
  const auto made = [](Integer value) {
    if constexpr (std::is_signed_v<Integer>) {
      return Value::integer(value);
    } else {
      return Value::unsigned_integer(value);
    }
  };
  Integer result = 0;
  bool overflow = false;
  switch (node.op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(left, right, &result);
      break;
    case Op::kSubtract:
      overflow = __builtin_sub_overflow(left, right, &result);
      break;
    case Op::kMultiply:
      overflow = __builtin_mul_overflow(left, right, &result);
      break;
    default:
      if (right == 0) return fail(work, node.offset, node.op == Op::kDivide ? "divide by zero" : "modulus by zero");
      if (std::is_signed_v<Integer> && right == static_cast<Integer>(-1)) {
        overflow = __builtin_sub_overflow(Integer{0}, left, &result);  // the least int has no opposite
        if (node.op == Op::kModulo) return made(0);
      } else {
        result = node.op == Op::kDivide ? left / right : left % right;
      }
  }
  if (overflow) return fail(work, node.offset, fmt::format("integer overflow: {} {} {}", left, symbol(node.op), right));
  return made(result);
}

Value real_arithmetic(Work& work, const Node& node, double left, double right) {
  switch (node.op) {
    case Op::kAdd:
      return Value::real(left + right);
    case Op::kSubtract:
      return Value::real(left - right);
    case Op::kMultiply:
      return Value::real(left * right);
    case Op::kDivide:
      return Value::real(left / right);
    default:
      return fail(work, node.offset, "no such overload: double % double");
  }
}

Value concatenated(Work& work, std::string_view left, std::string_view right, Value (*make)(std::string_view)) {
  GrowingText text(work);
  text << left << right;
  return make(text.text());
}

Value joined(Work& work, const Value& left, const Value& right) {
  const std::span<Value> items = work.array<Value>(left.size() + right.size());
  work.charge(items.size() / 8);
  std::size_t at = 0;
  for (const Value& part : {left, right}) {
    for (std::size_t i = 0; i < part.size(); ++i) items[at++] = part.item(i);
  }
  return Value::list(items);
}

// Timestamps and durations; nullopt: these two have no sum or difference.
std::optional<std::optional<Value>> time_arithmetic(Op op, const Value& left, const Value& right) {
  const bool adds = op == Op::kAdd;
  if (!adds && op != Op::kSubtract) return std::nullopt;
  if (left.is(Kind::kTimestamp) && right.is(Kind::kDuration)) return shifted(left.as_timestamp(), right.as_int(), adds);
  if (adds && left.is(Kind::kDuration) && right.is(Kind::kTimestamp))
    return shifted(right.as_timestamp(), left.as_int(), true);
  if (!adds && left.is(Kind::kTimestamp) && right.is(Kind::kTimestamp))
    return between(right.as_timestamp(), left.as_timestamp());
  if (left.is(Kind::kDuration) && right.is(Kind::kDuration)) {
    std::int64_t nanos = 0;
    const bool overflow = adds ? __builtin_add_overflow(left.as_int(), right.as_int(), &nanos)
                               : __builtin_sub_overflow(left.as_int(), right.as_int(), &nanos);
    return overflow ? std::nullopt : std::optional(Value::duration(nanos));
  }
  return std::nullopt;
}

Value arithmetic(Work& work, const Node& node, const Value& left, const Value& right) {
  if (left.is(Kind::kInt) && right.is(Kind::kInt)) return integer_arithmetic(work, node, left.as_int(), right.as_int());
  if (left.is(Kind::kDouble) && right.is(Kind::kDouble))
    return real_arithmetic(work, node, left.as_double(), right.as_double());
  if (left.is(Kind::kUint) && right.is(Kind::kUint))
    return integer_arithmetic(work, node, left.as_uint(), right.as_uint());
  if (node.op == Op::kAdd && left.kind() == right.kind()) {
    if (left.is(Kind::kString)) return concatenated(work, left.text(), right.text(), &Value::string);
    if (left.is(Kind::kBytes)) return concatenated(work, left.text(), right.text(), &Value::bytes);
    if (left.is(Kind::kList)) return joined(work, left, right);
  }
  if (const auto result = time_arithmetic(node.op, left, right)) {
    return *result ? **result : fail(work, node.offset, "out of range: the result is no timestamp or duration");
  }
  return no_overload(work, node, left, right);
}

Value compared(Work& work, const Node& node, const Value& left, const Value& right) {
  const auto result = order(left, right);
  if (!result) return no_overload(work, node, left, right);
  if (left.is(Kind::kString)) work.charge_text(std::min(left.text().size(), right.text().size()));
  switch (node.op) {
    case Op::kLess:
      return Value::boolean(std::is_lt(*result));
    case Op::kLessEqual:
      return Value::boolean(std::is_lteq(*result));
    case Op::kGreater:
      return Value::boolean(std::is_gt(*result));
    default:
      return Value::boolean(std::is_gteq(*result));
  }
}

Value contained(Work& work, const Node& node, const Value& element, const Value& container) {
  if (container.is(Kind::kMap)) return Value::boolean(find(work, container, element).has_value());
  if (!container.is(Kind::kList)) return no_overload(work, node, element, container);
  for (std::size_t i = 0; i < container.size(); ++i) {
    if (equal(work, element, container.item(i))) return Value::boolean(true);
  }
  return Value::boolean(false);
}

// The index that a number names, or nullopt: fractions and what is no number name none.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.is(Kind::kInt)) return value.as_int();
  if (!value.is_number() || !(value.number() >= 0 && value.number() < 1e15) ||
      std::trunc(value.number()) != value.number())
    return std::nullopt;
  return static_cast<std::int64_t>(value.number());
}

std::string key_text(const Value& key) {
  if (key.is(Kind::kString)) return fmt::format("'{}'", key.text().substr(0, 200));
  if (key.is(Kind::kInt)) return fmt::format("{}", key.as_int());
  if (key.is(Kind::kUint)) return fmt::format("{}u", key.as_uint());
  if (key.is(Kind::kDouble)) return fmt::format("{}", key.as_double());
  if (key.is(Kind::kBool)) return key.as_bool() ? "true" : "false";
  return fmt::format("of type {}", type_name(key.kind()));
}

}  // namespace

Value apply_binary(Work& work, const Node& node, const Value& left, const Value& right) {
  switch (node.op) {
    case Op::kEqual:
      return Value::boolean(equal(work, left, right));
    case Op::kNotEqual:
      return Value::boolean(!equal(work, left, right));
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return compared(work, node, left, right);
    case Op::kIn:
      return contained(work, node, left, right);
    default:
      return arithmetic(work, node, left, right);
  }
}

Value apply_unary(Work& work, const Node& node, const Value& operand) {
  if (node.op == Op::kNot && operand.is(Kind::kBool)) return Value::boolean(!operand.as_bool());
  if (node.op == Op::kNegate && operand.is(Kind::kDouble)) return Value::real(-operand.as_double());
  if (node.op == Op::kNegate && operand.is(Kind::kInt)) {
    if (operand.as_int() == std::numeric_limits<std::int64_t>::min())
      return fail(work, node.offset, "integer overflow: the least int has no opposite");
    return Value::integer(-operand.as_int());
  }
  return fail(work, node.offset, fmt::format("no such overload: {}{}", symbol(node.op), type_name(operand.kind())));
}

Value apply_index(Work& work, const Node& node, const Value& container, const Value& key) {
  if (container.is(Kind::kMap)) {
    if (const auto value = find(work, container, key)) return *value;
    return fail(work, node.offset, fmt::format("no such key: {}", key_text(key)));
  }
  if (!container.is(Kind::kList)) {
    return fail(work, node.offset,
                fmt::format("no such overload: {}[{}]", type_name(container.kind()), type_name(key.kind())));
  }
  const auto at = whole_number(key);
  if (!at) return fail(work, node.offset, fmt::format("invalid argument: a list has no index {}", key_text(key)));
  if (*at < 0 || static_cast<std::uint64_t>(*at) >= container.size()) {
    return fail(work, node.offset, fmt::format("index out of bounds: {} of a list of {}", *at, container.size()));
  }
  return container.item(static_cast<std::size_t>(*at));
}

}  // namespace sluice::cel
