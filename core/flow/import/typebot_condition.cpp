// Typebot's comparisons as conditions. Theirs are all made on texts that may look like numbers; ours are typed.
#include <fmt/format.h>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

// The same comparison both ways: JSON reads better, CEL can say more. Only `cel` is set when JSON cannot say it.
struct Comparison {
  Json json;
  std::string cel;
  bool needs_cel = false;
};

Comparison never() {
  Comparison result{make_object(), "false"};
  set(result.json, "or", make_array());
  return result;
}

Comparison negated(Comparison comparison) {
  Json json = make_object();
  set(json, "not", std::move(comparison.json));
  return {std::move(json), "!(" + comparison.cel + ")", comparison.needs_cel};
}

Json test_of(const TypebotVariable& variable, std::string_view operation, Json operand, bool ignore_case = false) {
  Json test = object_of({{"var", variable.path}});
  set(test, operation, std::move(operand));
  if (ignore_case) set(test, "ignore_case", Json(true));
  return test;
}

Json number_of(std::string_view text) {
  auto parsed = parse_json(text);
  return parsed && parsed->IsNumber() ? std::move(*parsed) : make_string(text);
}

Comparison in_cel(std::string cel) {
  return {Json(), std::move(cel), true};
}

std::string present(const TypebotVariable& variable) {
  return "has(" + variable.path + ") && ";
}

Comparison empty(const TypebotVariable& variable) {
  return {test_of(variable, "is_empty", Json(true)),
          fmt::format("!has({0}) || {0} in [null, \"\", []]", variable.path)};
}

Comparison equals(const TypebotVariable& variable, std::string_view value) {
  if (variable.kind == ValueKind::kList)
    return in_cel(present(variable) + variable.path + ".all(v, v == " + cel_string(value) + ")");
  const bool numeric = variable.numeric() && is_number(value);
  Comparison result{test_of(variable, "eq", numeric ? number_of(value) : make_string(value)), {}};
  result.cel = present(variable) + variable.path + " == " + (numeric ? std::string(value) : cel_string(value));
  return result;
}

Comparison ordered(const TypebotVariable& variable, std::string_view value, std::string_view operation,
                   const TypebotScope& scope) {
  const std::string_view sign = operation == "gt" ? ">" : "<";
  if (!is_number(value)) {
    scope.note(Severity::kWarning,
               fmt::format("'{}' is no number: the comparison with {} is made on texts", value, variable.path));
    return {test_of(variable, operation, make_string(value)),
            fmt::format("{} {} {}", variable.path, sign, cel_string(value))};
  }
  if (variable.kind == ValueKind::kList) return in_cel(fmt::format("size({}) {} {}", variable.path, sign, value));
  if (!variable.numeric()) return in_cel(fmt::format("double({}) {} {}", variable.path, sign, cel_double(value)));
  return {test_of(variable, operation, number_of(value)), fmt::format("{} {} {}", variable.path, sign, value)};
}

Comparison on_text(const TypebotVariable& variable, std::string_view value, std::string_view operation,
                   std::string_view function) {
  if (value.empty()) return never();
  const bool pattern = function == "matches";
  if (variable.kind == ValueKind::kList && operation == "contains") {
    return {test_of(variable, operation, make_string(value)),
            fmt::format("{} in {}", cel_string(value), variable.path)};
  }
  if (variable.kind == ValueKind::kList) {
    return in_cel(fmt::format("{}.all(v, v.{}({}))", variable.path, function, cel_string(value)));
  }
  Comparison result{test_of(variable, operation, make_string(value), !pattern), {}};
  const std::string_view lower = pattern ? "" : ".lowerAscii()";
  const std::string literal = cel_string(value) + (pattern ? "" : ".lowerAscii()");
  result.cel = fmt::format("{}string({}){}.{}({})", present(variable), variable.path, lower, function, literal);
  return result;
}

// The value is itself a reference to another variable.
Comparison between(const TypebotVariable& left, const TypebotVariable& right, std::string_view operation,
                   const TypebotScope& scope) {
  if (operation == "Equal to") return in_cel(fmt::format("{} == {}", left.path, right.path));
  if (operation == "Not equal") return in_cel(fmt::format("{} != {}", left.path, right.path));
  if (operation == "Greater than") return in_cel(fmt::format("double({}) > double({})", left.path, right.path));
  if (operation == "Less than") return in_cel(fmt::format("double({}) < double({})", left.path, right.path));
  if (operation == "Contains") return in_cel(fmt::format("{}.contains({})", left.path, right.path));
  if (operation == "Does not contain") return in_cel(fmt::format("!{}.contains({})", left.path, right.path));
  scope.note(Severity::kError,
             fmt::format("'{}' between two variables could not be carried over and is never true", operation));
  return never();
}

Comparison compare(const Json& comparison, const TypebotScope& scope) {
  const TypebotVariable* variable = scope.variables.by_id(string_member(comparison, "variableId"));
  const std::string_view operation = string_member(comparison, "comparisonOperator");
  const std::string_view value = string_member(comparison, "value");
  if (variable == nullptr || operation.empty()) {
    scope.note(Severity::kWarning, fmt::format("a comparison without {} is never true, as in Typebot",
                                               variable == nullptr ? "a variable" : "an operator"));
    return never();
  }
  if (operation == "Is set") return negated(empty(*variable));
  if (operation == "Is empty") return empty(*variable);
  if (value.starts_with("{{") && value.ends_with("}}")) {
    const TypebotVariable* other = scope.variables.by_label(stripped(value.substr(2, value.size() - 4)));
    if (other != nullptr) return between(*variable, *other, operation, scope);
  }
  if (value.contains("{{"))
    scope.note(Severity::kWarning, fmt::format("'{}' is compared as it stands, without replacing variables", value));
  if (operation == "Equal to") return equals(*variable, value);
  if (operation == "Not equal") return negated(equals(*variable, value));
  if (operation == "Contains") return on_text(*variable, value, "contains", "contains");
  if (operation == "Does not contain") return negated(on_text(*variable, value, "contains", "contains"));
  if (operation == "Greater than") return ordered(*variable, value, "gt", scope);
  if (operation == "Less than") return ordered(*variable, value, "lt", scope);
  if (operation == "Starts with") return on_text(*variable, value, "starts_with", "startsWith");
  if (operation == "Ends with") return on_text(*variable, value, "ends_with", "endsWith");
  if (operation == "Matches regex") return on_text(*variable, value, "matches", "matches");
  if (operation == "Does not match regex") return negated(on_text(*variable, value, "matches", "matches"));
  scope.note(Severity::kError,
             fmt::format("comparison operator '{}' is not known: the comparison is never true", operation));
  return never();
}

}  // namespace

Json condition_of(const Json& item, const TypebotScope& scope) {
  const Json* content = find(item, "content");
  const Json* list = content == nullptr ? nullptr : find(*content, "comparisons");
  if (list == nullptr || !list->IsArray() || list->Empty()) {
    scope.note(Severity::kWarning, "a condition without comparisons is never true, as in Typebot");
    return never().json;
  }
  const bool any = string_member(*content, "logicalOperator", "AND") == "OR";
  std::vector<Comparison> comparisons;
  bool needs_cel = false;
  for (const Json& comparison : list->GetArray()) {
    comparisons.push_back(compare(comparison, scope));
    needs_cel = needs_cel || comparisons.back().needs_cel;
  }
  if (needs_cel) {
    std::string cel;
    for (const Comparison& comparison : comparisons) {
      if (!cel.empty()) cel += any ? " || " : " && ";
      cel += comparisons.size() == 1 ? comparison.cel : "(" + comparison.cel + ")";
    }
    return make_string(cel);
  }
  if (comparisons.size() == 1) return std::move(comparisons.front().json);
  Json tests = make_array();
  for (Comparison& comparison : comparisons) push(tests, std::move(comparison.json));
  Json condition = make_object();
  set(condition, any ? "or" : "and", std::move(tests));
  return condition;
}

}  // namespace sluice::flow::importing
