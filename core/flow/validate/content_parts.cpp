// Facts about the contents of nodes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/condition.h"
#include "core/flow/path.h"
#include "core/flow/validate/graph_facts.h"
#include "core/flow/validate/parts.h"

namespace sluice::flow {
namespace {

constexpr int kDeepestContent = 128;
constexpr std::array<std::string_view, 11> kInputTypes{
    "text", "choice", "image_choice", "buttons", "multi_choice", "number", "email", "phone", "url", "date", "file"};
constexpr std::array<std::string_view, 10> kActions{"set_variable", "increment", "decrement",       "append",
                                                    "remove",       "clear",     "delete_variable", "calculate",
                                                    "aggregate",    "api_call"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

bool has_any(const Json& content, std::initializer_list<std::string_view> keys) {
  return std::ranges::any_of(keys, [&](std::string_view key) {
    const Json* member = find(content, key);
    return member != nullptr && !member->IsNull();
  });
}

void message_part(const Json& content, const ContentScope& scope) {
  int texts = has_any(content, {"text", "message", "content_id", "type"}) ? 1 : 0;
  int empty = content.IsObject() && find(content, "text") != nullptr && string_member(content, "text").empty() ? 1 : 0;
  if (const Json* messages = find(content, "messages"); messages != nullptr && messages->IsArray()) {
    texts += static_cast<int>(messages->Size());
    for (const Json& message : messages->GetArray()) {
      const Json* text = find(message, "text");
      if (text != nullptr && text->IsString() && text->GetStringLength() == 0) ++empty;
    }
  }
  Json fact = make_object();
  set(fact, "present", Json(has_any(content, {"messages", "message", "text", "content_id", "type"})));
  set(fact, "texts", Json(texts));
  set(fact, "empty", Json(empty));
  scope.emit("message", scope.path, std::move(fact));
}

void variable_part(std::string_view name, const std::string& path, const ContentScope& scope) {
  if (name.empty()) return;
  Json fact = make_object();
  set(fact, "name", name);
  scope.emit("variable", path, std::move(fact));
}

void question_part(const Json& content, const ContentScope& scope) {
  const std::string_view type = string_member(content, "input_type", "text");
  const Json* options = nullptr;
  for (const std::string_view key : {"options", "choices", "buttons"}) {
    if (options == nullptr) options = find(content, key);
  }
  const Json* question = find(content, "question");
  std::string_view text = string_member(content, "text");
  if (question != nullptr) text = question->IsString() ? text_of(*question) : string_member(*question, "text", "?");
  if (find(content, "content_id") != nullptr) text = "?";
  Json fact = make_object();
  set(fact, "present", Json(has_any(content, {"question", "text", "content_id"})));
  set(fact, "text", text);
  set(fact, "input_type", type);
  set(fact, "known_type", Json(contains(kInputTypes, type)));
  set(fact, "choices", Json(options != nullptr && options->IsArray() ? static_cast<int>(options->Size()) : 0));
  set(fact, "dynamic", Json(options != nullptr && options->IsString()));
  scope.emit("question", scope.path, std::move(fact));
  variable_part(string_member(content, "variable"), scope.path + ".variable", scope);
  const Json* validation = find(content, "validation");
  const Json* pattern = validation == nullptr ? nullptr : find(*validation, "pattern");
  if (pattern != nullptr && pattern->IsString()) {
    Json test = make_object();
    set(test, "var", "user.answer");
    set(test, "matches", clone(*pattern));
    expression_part(test, scope.path + ".validation.pattern", scope.named, scope.sink, &scope.node);
  }
}

void action_parts(const Json& content, const ContentScope& scope) {
  const Json* actions = find(content, "actions");
  Json none = make_object();
  set(none, "listed", Json(false));
  set(none, "type", "");
  set(none, "known_type", Json(false));
  if (actions == nullptr || !actions->IsArray()) {
    scope.emit("action", scope.path, std::move(none));
    return;
  }
  for (rapidjson::SizeType i = 0; i < actions->Size(); ++i) {
    const std::string path = fmt::format("{}.actions[{}]", scope.path, i);
    const Json& action = (*actions)[i];
    const Json* params = find(action, "params");
    const Json& of = params != nullptr && params->IsObject() ? *params : action;
    const std::string_view type = string_member(action, "type", string_member(action, "action"));
    Json fact = make_object();
    set(fact, "listed", Json(true));
    set(fact, "type", type);
    set(fact, "known_type", Json(contains(kActions, type)));
    scope.emit("action", path, std::move(fact));
    variable_part(string_member(of, "variable", string_member(of, "target")), path, scope);
    if (type == "api_call") request_part(of, path, scope);
    const Json* expression = find(of, "expression");
    if (expression != nullptr && expression->IsString())
      expression_part(*expression, path + ".expression", scope.named, scope.sink, &scope.node);
  }
}

void composite_part(const Json& content, const ContentScope& scope) {
  const std::string_view name = string_member(content, "flow", string_member(content, "flow_id"));
  Json present = make_object();
  set(present, "present", Json(!name.empty() || has_any(content, {"nodes"})));
  scope.emit("composite", scope.path, std::move(present));
  if (name.empty()) return;
  Json fact = make_object();
  set(fact, "name", name);
  set(fact, "known", Json(!scope.options.flows.has_value() || scope.options.flows->contains(name)));
  scope.emit("subflow", scope.path + ".flow", std::move(fact));
}

void references_in(std::string_view text, const std::string& path, const ContentScope& scope) {
  for (std::size_t close = text.find("}}"); close != std::string_view::npos; close = text.find("}}", close)) {
    const std::size_t open = text.substr(0, close).rfind("{{");  // the innermost pair
    std::string_view inside =
        open == std::string_view::npos ? std::string_view() : text.substr(open + 2, close - open - 2);
    text.remove_prefix(close + 2);
    close = 0;
    if (open == std::string_view::npos) continue;
    const std::size_t first = inside.find_first_not_of(" \t\n");
    inside = first == std::string_view::npos ? std::string_view()
                                             : inside.substr(first, inside.find_last_not_of(" \t\n") - first + 1);
    constexpr std::string_view kSecret = "secret:";
    const bool secret = inside.starts_with(kSecret) && inside.size() > kSecret.size();
    const std::string_view key = secret ? inside.substr(kSecret.size()) : std::string_view();
    const std::size_t scope_end = inside.find_first_of(".[");
    Json fact = make_object();
    set(fact, "text", inside);
    set(fact, "known_scope",
        Json(secret || (scope_end != std::string_view::npos && is_scope(inside.substr(0, scope_end)))));
    set(fact, "secret", key);
    set(fact, "known_secret",
        Json(!secret || !scope.options.secrets.has_value() || scope.options.secrets->contains(key)));
    scope.emit("reference", path, std::move(fact));
  }
}

void references_of(const Json& value, const std::string& path, const ContentScope& scope, int depth) {
  if (depth > kDeepestContent) return;
  if (value.IsString()) {
    references_in(text_of(value), path, scope);
  } else if (value.IsArray()) {
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      const Json& item = value[i];
      if (item.IsString() || item.IsArray() || item.IsObject())
        references_of(item, fmt::format("{}[{}]", path, i), scope, depth + 1);
    }
  } else if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      if (!member.value.IsString() && !member.value.IsArray() && !member.value.IsObject()) continue;
      references_of(member.value, fmt::format("{}.{}", path, text_of(member.name)), scope, depth + 1);
    }
  }
}

}  // namespace

void reference_parts(const Json& value, const std::string& path, const ContentScope& scope) {
  references_of(value, path, scope, 0);
}

void content_parts(const Json& content, std::string_view type, const ContentScope& scope) {
  if (type == "message") message_part(content, scope);
  if (type == "question") question_part(content, scope);
  if (type == "condition") condition_parts(content, scope);
  if (type == "action") action_parts(content, scope);
  if (type == "webhook") request_part(content, scope.path, scope);
  if (type == "composite") composite_part(content, scope);
  if (!content.IsObject()) return;
  for (const auto& member : content.GetObject()) {
    const std::string_view key = text_of(member.name);
    const bool expressions = type == "condition" && key == "conditions";
    const bool inner = type == "composite" && key == "nodes";
    const bool code = type == "script" && key == "code";
    if (!expressions && !inner && !code) reference_parts(member.value, fmt::format("{}.{}", scope.path, key), scope);
  }
}

}  // namespace sluice::flow
