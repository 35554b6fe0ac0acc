#include "core/flow/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/flow/http_call.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

using Outcome = std::expected<void, std::string>;

std::string_view variable_of(const Json& params) {
  return string_member(params, "variable", string_member(params, "target", string_member(params, "name")));
}

// "{{temp.a}} + 1" reads the same as "temp.a + 1": the names stand for values, nothing is pasted in.
std::string without_braces(std::string_view expression) {
  std::string out(expression);
  for (const auto braces : {std::string_view("{{"), std::string_view("}}")}) {
    for (auto at = out.find(braces); at != std::string::npos; at = out.find(braces, at)) out.replace(at, 2, " ");
  }
  return out;
}

// The call of an aggregate over the list (or map) that `items` will be.
std::string aggregate_expression(const Json& params) {
  std::string operation(string_member(params, "operation"));
  if (operation == "merge") {
    const auto strategy = string_member(params, "merge_strategy", "sum");
    operation = strategy == "sum" ? "merge" : fmt::format("merge_{}", strategy);
  }
  const Json* count = find(params, "n");
  if (operation == "top_keys" && count != nullptr && count->IsInt())
    return fmt::format("top_keys(items, {})", count->GetInt());
  constexpr std::array<std::string_view, 11> kKnown{"sum",       "avg",        "min",     "max",     "count",   "merge",
                                                    "merge_max", "merge_last", "flatten", "collect", "top_keys"};
  if (std::find(kKnown.begin(), kKnown.end(), operation) == kKnown.end()) return {};
  return operation + "(items)";
}

void compile_expression(Action& action) {
  std::string expression;
  if (const auto written = string_member(action.params, "expression"); !written.empty()) {
    expression = without_braces(written);
  } else if (action.type == "aggregate") {
    expression = aggregate_expression(action.params);
  }
  if (expression.empty()) {
    action.problem =
        action.type == "aggregate" ? "needs an expression, or a source and a known operation" : "needs an expression";
    return;
  }
  auto program = cel::compile(expression);
  if (program) {
    action.program = std::move(*program);
  } else {
    action.problem = "cel: " + cel::to_text(program.error());
  }
}

Action compile_action(const Json& entry) {
  Action action;
  action.params = make_object();
  if (!entry.IsObject()) {
    action.problem = "is no object";
    return action;
  }
  for (const auto& member : entry.GetObject()) {
    const auto key = text_of(member.name);
    const bool nested = (key == "params" || key == "config") && member.value.IsObject();
    if (!nested) set(action.params, key, clone(member.value));
  }
  for (const char* nested : {"params", "config"}) {
    const Json* inner = find(entry, nested);
    if (inner == nullptr || !inner->IsObject()) continue;
    for (const auto& member : inner->GetObject()) set(action.params, text_of(member.name), clone(member.value));
  }
  action.type = string_member(entry, "type", string_member(entry, "action"));
  if (action.type == "calculate" || action.type == "aggregate") compile_expression(action);
  return action;
}

// Sum or difference; whole numbers stay whole and do not wrap.
std::expected<Json, std::string> added(const Json& value, const Json& amount, bool subtract) {
  if (value.IsInt64() && amount.IsInt64()) {
    std::int64_t result = 0;
    const bool overflow = subtract ? __builtin_sub_overflow(value.GetInt64(), amount.GetInt64(), &result)
                                   : __builtin_add_overflow(value.GetInt64(), amount.GetInt64(), &result);
    if (overflow) return std::unexpected("the result is beyond the range of whole numbers");
    return Json(result);
  }
  const double result = subtract ? value.GetDouble() - amount.GetDouble() : value.GetDouble() + amount.GetDouble();
  if (!std::isfinite(result)) return std::unexpected("the result is no finite number");
  return Json(result);
}

Outcome set_variable(const Action& action, Writer& writer) {
  const Json* value = find(action.params, "value");
  return writer.set(variable_of(action.params), value != nullptr ? render_value(*value, writer.state()) : Json());
}

Outcome change_number(const Action& action, Writer& writer, bool subtract) {
  const auto name = variable_of(action.params);
  const Json* step = find(action.params, "amount");
  if (step == nullptr) step = find(action.params, "increment");
  if (step == nullptr) step = find(action.params, "decrement");
  const Json amount = step != nullptr ? render_value(*step, writer.state()) : Json(1);
  if (!amount.IsNumber())
    return std::unexpected(fmt::format("the amount {} is no number", to_text(amount).substr(0, 80)));
  const Json* current = writer.value(name);
  const Json zero(0);
  if (current == nullptr || current->IsNull()) current = &zero;
  if (!current->IsNumber()) return std::unexpected(fmt::format("{} is no number", name));
  auto result = added(*current, amount, subtract);
  return result ? writer.set(name, std::move(*result)) : Outcome(std::unexpected(result.error()));
}

Outcome append(const Action& action, Writer& writer) {
  const auto name = variable_of(action.params);
  const Json* current = writer.value(name);
  if (current != nullptr && !current->IsArray() && !current->IsNull())
    return std::unexpected(fmt::format("{} is no list", name));
  const Json* value = find(action.params, "value");
  Json list = current != nullptr && current->IsArray() ? clone(*current) : make_array();
  push(list, value != nullptr ? render_value(*value, writer.state()) : Json());
  return writer.set(name, std::move(list));
}

Outcome remove(const Action& action, Writer& writer) {
  const auto name = variable_of(action.params);
  const Json* current = writer.value(name);
  if (current == nullptr || current->IsNull()) return {};
  if (!current->IsArray()) return std::unexpected(fmt::format("{} is no list", name));
  const Json* value = find(action.params, "value");
  const Json unwanted = value != nullptr ? render_value(*value, writer.state()) : Json();
  Json rest = make_array();
  for (const auto& item : current->GetArray()) {
    if (!equal(item, unwanted)) push(rest, clone(item));
  }
  return writer.set(name, std::move(rest));
}

// Empty, keeping the kind: [] of a list, {} of an object, "" of a text, 0 of a number, else null.
Outcome clear(const Action& action, Writer& writer) {
  const auto name = variable_of(action.params);
  const Json* current = writer.value(name);
  if (current == nullptr) return {};
  if (current->IsArray()) return writer.set(name, make_array());
  if (current->IsObject()) return writer.set(name, make_object());
  if (current->IsString()) return writer.set(name, make_string(""));
  return writer.set(name, current->IsNumber() ? Json(0) : Json());
}

Outcome calculate(const Action& action, Writer& writer) {
  auto result = cel::evaluate(*action.program, writer.state());
  if (!result) return std::unexpected("cel: " + cel::to_text(result.error()));
  return writer.set(variable_of(action.params), std::move(*result));
}

// The member `field` of every item that has it; the items themselves without a field.
Json picked(const Json& source, std::string_view field) {
  if (field.empty() || !source.IsArray()) return clone(source);
  Json list = make_array();
  for (const auto& item : source.GetArray()) {
    if (const Json* value = at_path(item, field)) push(list, clone(*value));
  }
  return list;
}

Outcome aggregate(const Action& action, Writer& writer) {
  if (find(action.params, "expression") != nullptr) return calculate(action, writer);
  std::string_view source = string_member(action.params, "source");
  if (const auto reference = sole_reference(source); !reference.empty()) source = reference;
  const Json* found = writer.value(source);
  const Json items = found != nullptr ? picked(*found, string_member(action.params, "field")) : make_array();
  const Json none = make_object();
  cel::Context context(none);
  context.with("items", items);
  auto result = cel::evaluate(*action.program, context);
  if (!result) return std::unexpected("cel: " + cel::to_text(result.error()));
  return writer.set(string_member(action.params, "target", variable_of(action.params)), std::move(*result));
}

Outcome apply_response(const Action& action, const HttpOutcome& outcome, Writer& writer) {
  auto values = outcome_values(action.params, outcome, MappingKind::kApiCall);
  if (!values) return std::unexpected(values.error());
  for (auto& [target, value] : *values) {
    if (auto written = writer.set(target, std::move(value)); !written) return written;
  }
  return {};
}

Outcome apply(const Action& action, Writer& writer) {
  if (!action.problem.empty()) return std::unexpected(action.problem);
  if (action.type == "set_variable") return set_variable(action, writer);
  if (action.type == "increment") return change_number(action, writer, false);
  if (action.type == "decrement") return change_number(action, writer, true);
  if (action.type == "append") return append(action, writer);
  if (action.type == "remove") return remove(action, writer);
  if (action.type == "clear") return clear(action, writer);
  if (action.type == "delete_variable") return writer.remove(variable_of(action.params));
  if (action.type == "calculate") return calculate(action, writer);
  if (action.type == "aggregate") return aggregate(action, writer);
  return std::unexpected("is no known action");
}

}  // namespace

std::vector<Action> compile_actions(const Json& content) {
  std::vector<Action> actions;
  if (const Json* list = find(content, "actions"); list != nullptr && list->IsArray()) {
    for (const auto& entry : list->GetArray()) actions.push_back(compile_action(entry));
  } else if (find(content, "action") != nullptr) {
    actions.push_back(compile_action(content));  // one action as the content itself
  }
  return actions;
}

ActionsResult run_actions(const Node& node, std::span<const HttpOutcome> outcomes, const std::string& key,
                          Writer& writer) {
  std::size_t calls = 0;
  for (std::size_t i = 0; i < node.actions.size(); ++i) {
    const Action& action = node.actions[i];
    Outcome done;
    if (action.type == "api_call" && calls < outcomes.size()) {
      done = apply_response(action, outcomes[calls++], writer);
    } else if (action.type == "api_call") {
      auto call = make_call(action.params, writer.state(), calls == 0 ? key : fmt::format("{}:{}", key, calls + 1));
      if (call) return std::move(*call);
      done = std::unexpected(call.error());
    } else {
      done = apply(action, writer);
    }
    if (!done) return ActionsFailed{fmt::format("action {} ({}): {}", i + 1, action.type, done.error())};
  }
  return ActionsDone{};
}

}  // namespace sluice::flow
