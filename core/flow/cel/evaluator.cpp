#include "core/flow/cel/evaluator.h"

#include <fmt/format.h>

#include <array>

#include "core/flow/cel/functions.h"

namespace sluice::cel {

Value Evaluator::evaluate(const Node& node) {
  work_.at(node.offset);
  work_.charge(1);
  switch (node.op) {
    case Op::kLiteral:
      return node.literal;
    case Op::kString:
      return Value::string(node.text);
    case Op::kBytes:
      return Value::bytes(node.text);
    case Op::kTypeName:
      return Value::type(node.text);
    case Op::kVariable:
      return variable(node);
    case Op::kLocal:
      return slots_[node.slot];
    case Op::kSelect:
      return select(node);
    case Op::kHas:
      return has(node);
    case Op::kIndex:
      return index(node);
    case Op::kList:
      return list(node);
    case Op::kMap:
      return map(node);
    case Op::kAnd:
    case Op::kOr:
      return logic(node);
    case Op::kConditional:
      return conditional(node);
    case Op::kNot:
    case Op::kNegate:
      return unary(node);
    case Op::kCall:
      return call(node);
    case Op::kMemberCall:
    case Op::kUnknown:
      return unknown(node);
    case Op::kAll:
    case Op::kExists:
      return quantifier(node);
    case Op::kExistsOne:
      return exists_one(node);
    case Op::kCollect:
      return collect(node);
    case Op::kFilter:
      return filter(node);
    case Op::kCollectMap:
      return collect_map(node);
    case Op::kCollectEntries:
      return collect_entries(node);
    default:
      return binary(node);
  }
}

Value Evaluator::variable(const Node& node) {
  if (const auto value = variables_.find(node.text)) return *value;
  for (const Kind kind : {Kind::kBool, Kind::kBytes, Kind::kDouble, Kind::kInt, Kind::kList, Kind::kMap, Kind::kNull,
                          Kind::kString, Kind::kType, Kind::kUint}) {
    if (type_name(kind) == node.text) return Value::type(type_name(kind));
  }
  return fail(node, fmt::format("unknown variable: {}", node.text));
}

std::optional<Value> Evaluator::qualified(const Node& node) {
  std::string name;
  const Node* part = &node;
  for (; part->op == Op::kSelect; part = part->args.data()) name.insert(0, "." + part->text);
  if (part->op != Op::kVariable) return std::nullopt;
  return variables_.find(part->text + name);
}

Value Evaluator::select(const Node& node) {
  if (variables_.has_qualified_names()) {
    if (const auto value = qualified(node)) return *value;
  }
  const Value owner = evaluate(node.args[0]);
  if (owner.is_error()) return owner;
  if (!owner.is(Kind::kMap)) {
    return fail(node,
                fmt::format("type '{}' does not support field selection: .{}", type_name(owner.kind()), node.text));
  }
  if (const auto value = find(work_, owner, Value::string(node.text))) return *value;
  return fail(node, fmt::format("no such key: '{}'", node.text));
}

Value Evaluator::has(const Node& node) {
  const Value owner = evaluate(node.args[0]);
  if (owner.is_error()) return owner;
  if (!owner.is(Kind::kMap)) return fail(node, fmt::format("no such overload: has() on {}", type_name(owner.kind())));
  return Value::boolean(find(work_, owner, Value::string(node.text)).has_value());
}

Value Evaluator::index(const Node& node) {
  const Value container = evaluate(node.args[0]);
  if (container.is_error()) return container;
  const Value key = evaluate(node.args[1]);
  if (key.is_error()) return key;
  return apply_index(work_, node, container, key);
}

Value Evaluator::list(const Node& node) {
  const std::span<Value> items = work_.array<Value>(node.args.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i] = evaluate(node.args[i]);
    if (items[i].is_error()) return items[i];
  }
  return Value::list(items);
}

Value Evaluator::map(const Node& node) {
  const std::span<Entry> entries = work_.array<Entry>(node.args.size() / 2);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].key = evaluate(node.args[2 * i]);
    if (entries[i].key.is_error()) return entries[i].key;
    entries[i].value = evaluate(node.args[2 * i + 1]);
    if (entries[i].value.is_error()) return entries[i].value;
  }
  const auto made = make_map(work_, entries);
  return made ? *made : fail(node, made.error());
}

Value Evaluator::not_bool(const Node& node, const Value& value) {
  return value.is_error()
             ? value
             : fail(node, fmt::format("no such overload: expected bool, was given {}", type_name(value.kind())));
}

// One operand that decides wins over errors on either side of it.
Value Evaluator::logic(const Node& node) {
  const bool decisive = node.op == Op::kOr;
  std::optional<Value> problem;
  for (const Node& arg : node.args) {
    const Value value = evaluate(arg);
    if (decisive ? value.is_true() : value.is_false()) return value;
    if (!value.is(Kind::kBool) && !problem) problem = not_bool(arg, value);
  }
  return problem ? *problem : Value::boolean(!decisive);
}

Value Evaluator::conditional(const Node& node) {
  const Value condition = evaluate(node.args[0]);
  if (!condition.is(Kind::kBool)) return not_bool(node.args[0], condition);
  return evaluate(node.args[condition.as_bool() ? 1 : 2]);
}

Value Evaluator::unary(const Node& node) {
  const Value operand = evaluate(node.args[0]);
  return operand.is_error() ? operand : apply_unary(work_, node, operand);
}

Value Evaluator::binary(const Node& node) {
  const Value left = evaluate(node.args[0]);
  if (left.is_error()) return left;
  const Value right = evaluate(node.args[1]);
  if (right.is_error()) return right;
  return apply_binary(work_, node, left, right);
}

Value Evaluator::call(const Node& node) {
  std::array<Value, 4> few;
  const std::size_t count = node.args.size();
  const std::span<Value> args = count <= few.size() ? std::span<Value>(few).first(count) : work_.array<Value>(count);
  for (std::size_t i = 0; i < count; ++i) {
    args[i] = evaluate(node.args[i]);
    if (args[i].is_error()) return args[i];
  }
  work_.at(node.offset);
  return node.function->run({work_, node, args});
}

Value Evaluator::unknown(const Node& node) {
  if (is_function(node.text)) return fail(node, fmt::format("no such overload: {}() with these arguments", node.text));
  return fail(node, fmt::format("unknown function: {}", node.text));
}

}  // namespace sluice::cel
