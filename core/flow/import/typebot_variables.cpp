#include "core/flow/import/typebot_variables.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/typebot_blocks.h"

namespace sluice::flow::importing {
namespace {

// The kind of a variable that both writers write.
ValueKind joined(ValueKind left, ValueKind right) {
  if (left == right || right == ValueKind::kUnset) return left;
  if (left == ValueKind::kUnset) return right;
  const auto numeric = [](ValueKind kind) { return kind == ValueKind::kInteger || kind == ValueKind::kNumber; };
  return numeric(left) && numeric(right) ? ValueKind::kNumber : ValueKind::kText;
}

ValueKind written_by(const Json& block, const TypebotVariables& variables) {
  const std::string_view type = string_member(block, "type");
  const Json* options = find(block, "options");
  if (type == "number input" || type == "rating input") return ValueKind::kNumber;
  if (type == "choice input" || type == "picture choice input") {
    return options != nullptr && is_true(*options, "isMultipleChoice") ? ValueKind::kList : ValueKind::kText;
  }
  if (type == "Set variable" && options != nullptr && !string_member(*options, "expressionToEvaluate").empty()) {
    return read_expression(string_member(*options, "expressionToEvaluate"), is_true(*options, "isCode"), variables)
        .kind;
  }
  return ValueKind::kText;
}

}  // namespace

TypebotVariables::TypebotVariables(const Json& document, Draft& draft) {
  Names names;
  const Json* list = find(document, "variables");
  if (list == nullptr || !list->IsArray()) return;
  for (std::size_t i = 0; i < list->Size(); ++i) {
    const Json& item = (*list)[static_cast<rapidjson::SizeType>(i)];
    const std::string label(string_member(item, "name"));
    std::string wish = slug(label);
    if (!wish.empty() && wish.front() >= '0' && wish.front() <= '9') wish.insert(0, "v");
    const std::string name = names.take(wish, "variable");
    if (name != label) {
      draft.note(at("variables", i), Severity::kInfo, fmt::format("variable '{}' is named temp.{} here", label, name));
    }
    by_id_.emplace(string_member(item, "id"), variables_.size());
    by_label_.emplace(label, variables_.size());
    variables_.push_back({label, "temp." + name, ValueKind::kUnset});
  }
  infer_kinds(document);
}

// Kinds only ever widen, so this ends: a score that starts at 0 and has 5 added stays an integer.
void TypebotVariables::infer_kinds(const Json& document) {
  for (bool changed = true; changed;) {
    changed = false;
    for_each_block(document, [&](const Json& block) {
      const Json* options = find(block, "options");
      if (options == nullptr) return;
      const auto write = [&](std::string_view id, ValueKind kind) {
        const auto found = by_id_.find(std::string(id));
        if (found == by_id_.end()) return;
        ValueKind& known = variables_[found->second].kind;
        const ValueKind wider = joined(known, kind);
        changed = changed || wider != known;
        known = wider;
      };
      write(string_member(*options, "variableId"), written_by(block, *this));
      if (const Json* mapping = find(*options, "responseVariableMapping"); mapping != nullptr && mapping->IsArray()) {
        for (const Json& entry : mapping->GetArray()) write(string_member(entry, "variableId"), ValueKind::kText);
      }
    });
  }
}

const TypebotVariable* TypebotVariables::by_id(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &variables_[found->second];
}

const TypebotVariable* TypebotVariables::by_label(std::string_view label) const {
  const auto found = by_label_.find(std::string(label));
  return found == by_label_.end() ? nullptr : &variables_[found->second];
}

const TypebotVariable* TypebotVariables::of_block(const Json& block) const {
  const Json* options = find(block, "options");
  return options == nullptr ? nullptr : by_id(string_member(*options, "variableId"));
}

std::string TypebotVariables::rewrite(std::string_view text, Draft& draft, const std::string& path) const {
  std::string result;
  while (true) {
    const std::size_t open = text.find("{{");
    const std::size_t close = open == std::string_view::npos ? open : text.find("}}", open);
    if (close == std::string_view::npos) return result.append(text);
    const std::string_view label = text.substr(open + 2, close - open - 2);
    const TypebotVariable* variable = by_label(stripped(label));
    result.append(text.substr(0, open));
    if (variable != nullptr) {
      result += "{{" + variable->path + "}}";
    } else {
      draft.note(path, Severity::kWarning,
                 fmt::format("'{{{{{}}}}}' names no variable of the bot and stays as it is", label));
      result.append(text.substr(open, close + 2 - open));
    }
    text.remove_prefix(close + 2);
  }
}

}  // namespace sluice::flow::importing
