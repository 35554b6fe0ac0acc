// The comprehension macros, run directly rather than by the standard's folding, of which they are the only users.
#include <fmt/format.h>

#include "core/flow/cel/evaluator.h"

namespace sluice::cel {

template <typename Step>
std::optional<Value> Evaluator::each(const Node& node, Step step) {
  const Value range = evaluate(node.args[0]);
  if (range.is_error()) return range;
  const bool is_map = range.is(Kind::kMap);
  if (!is_map && !range.is(Kind::kList)) {
    return fail(node, fmt::format("no such overload: {}() on {}", node.text, type_name(range.kind())));
  }
  const std::size_t size = range.size();
  for (std::size_t i = 0; i < size; ++i) {
    work_.charge(1);
    const Entry element = is_map ? range.entry(i) : Entry{Value::integer(static_cast<std::int64_t>(i)), range.item(i)};
    if (node.two_variables) {
      slots_[node.slot] = element.key;
      slots_[node.slot + 1] = element.value;
    } else {
      slots_[node.slot] = is_map ? element.key : element.value;
    }
    if (const auto end = step(slots_[node.slot])) return end;
  }
  return std::nullopt;
}

Value Evaluator::passes(const Node& node) {
  if (node.args.size() < 3) return Value::boolean(true);
  const Value pass = evaluate(node.args[1]);
  return pass.is(Kind::kBool) ? pass : not_bool(node.args[1], pass);
}

// all and exists are && and || over the elements, errors included.
Value Evaluator::quantifier(const Node& node) {
  const bool decisive = node.op == Op::kExists;
  std::optional<Value> problem;
  const Node& body = node.args.back();
  const auto end = each(node, [&](const Value&) -> std::optional<Value> {
    const Value value = evaluate(body);
    if (decisive ? value.is_true() : value.is_false()) return value;
    if (!value.is(Kind::kBool) && !problem) problem = not_bool(body, value);
    return std::nullopt;
  });
  if (end) return *end;
  return problem ? *problem : Value::boolean(!decisive);
}

Value Evaluator::exists_one(const Node& node) {
  std::size_t found = 0;
  const Node& body = node.args.back();
  const auto end = each(node, [&](const Value&) -> std::optional<Value> {
    const Value value = evaluate(body);
    if (!value.is(Kind::kBool)) return not_bool(body, value);
    if (value.as_bool()) ++found;
    return std::nullopt;
  });
  return end ? *end : Value::boolean(found == 1);
}

Value Evaluator::collect(const Node& node) {
  Growing<Value> items(work_);
  const auto end = each(node, [&](const Value&) -> std::optional<Value> {
    const Value pass = passes(node);
    if (pass.is_error()) return pass;
    if (pass.is_false()) return std::nullopt;
    const Value value = evaluate(node.args.back());
    if (value.is_error()) return value;
    items.push(value);
    return std::nullopt;
  });
  return end ? *end : Value::list(items.items());
}

Value Evaluator::filter(const Node& node) {
  Growing<Value> items(work_);
  const Node& body = node.args.back();
  const auto end = each(node, [&](const Value& element) -> std::optional<Value> {
    const Value pass = evaluate(body);
    if (!pass.is(Kind::kBool)) return not_bool(body, pass);
    if (pass.as_bool()) items.push(element);
    return std::nullopt;
  });
  return end ? *end : Value::list(items.items());
}

Value Evaluator::collect_map(const Node& node) {
  Growing<Entry> entries(work_);
  const auto end = each(node, [&](const Value& key) -> std::optional<Value> {
    const Value pass = passes(node);
    if (pass.is_error()) return pass;
    if (pass.is_false()) return std::nullopt;
    const Value value = evaluate(node.args.back());
    if (value.is_error()) return value;
    entries.push({key, value});
    return std::nullopt;
  });
  if (end) return *end;
  const auto made = make_map(work_, entries.items());
  return made ? *made : fail(node, made.error());
}

Value Evaluator::collect_entries(const Node& node) {
  Growing<Entry> entries(work_);
  const auto end = each(node, [&](const Value&) -> std::optional<Value> {
    const Value pass = passes(node);
    if (pass.is_error()) return pass;
    if (pass.is_false()) return std::nullopt;
    const Value made = evaluate(node.args.back());
    if (made.is_error()) return made;
    if (!made.is(Kind::kMap))
      return fail(node, fmt::format("no such overload: an entry is a map, was given {}", type_name(made.kind())));
    for (std::size_t i = 0; i < made.size(); ++i) {
      work_.charge(1);
      entries.push(made.entry(i));
    }
    return std::nullopt;
  });
  if (end) return *end;
  const auto made = make_map(work_, entries.items());
  return made ? *made : fail(node, made.error());
}

}  // namespace sluice::cel
