// Typebot's blocks that do something: Set variable, Script and the requests.
#include <fmt/format.h>

#include <array>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

const Json& options_of(const Json& block) {
  static const Json kNothing = make_object();
  const Json* options = find(block, "options");
  return options != nullptr && options->IsObject() ? *options : kNothing;
}

Json set_to(const TypebotVariable& variable, Json value) {
  Json action = object_of({{"type", "set_variable"}, {"variable", variable.path}});
  set(action, "value", std::move(value));
  return action;
}

Json calculate(const TypebotVariable& variable, std::string_view cel) {
  return object_of({{"type", "calculate"}, {"variable", variable.path}, {"expression", cel}});
}

// The predefined values that can be computed here; the others belong to Typebot's own pages.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kPredefined{
    {{"Now", "string(timestamp(context.now))"},
     {"Today", "string(timestamp(context.now)).substring(0, 10)"},
     {"Yesterday", "string(timestamp(context.now) - duration(\"24h\")).substring(0, 10)"},
     {"Tomorrow", "string(timestamp(context.now) + duration(\"24h\")).substring(0, 10)"}}};

Json predefined(const TypebotVariable& variable, std::string_view type, const TypebotScope& scope) {
  for (const auto& [name, cel] : kPredefined) {
    if (type == name) return calculate(variable, cel);
  }
  if (type == "User ID") return set_to(variable, make_string("{{session.id}}"));
  if (type == "Random ID") return set_to(variable, make_string("{{session.id}}-{{session.current_node}}"));
  scope.note(Severity::kError,
             fmt::format("'{}' is a value of Typebot's own: {} is cleared instead", type, variable.path));
  return object_of({{"type", "clear"}, {"variable", variable.path}});
}

Json pairs_of(const Json* list, const TypebotScope& scope) {
  Json pairs = make_object();
  if (list == nullptr || !list->IsArray()) return pairs;
  for (const Json& pair : list->GetArray()) {
    const std::string_view key = string_member(pair, "key");
    if (!key.empty()) set(pairs, key, scope.rewrite(string_member(pair, "value")));
  }
  return pairs;
}

std::string url_with_query(const Json& request, const TypebotScope& scope) {
  std::string url = scope.rewrite(string_member(request, "url"));
  const Json query = pairs_of(find(request, "queryParams"), scope);
  for (const auto& pair : query.GetObject()) {
    url += fmt::format("{}{}={}", url.contains('?') ? '&' : '?', text_of(pair.name), text_of(pair.value));
  }
  return url;
}

// Without a body of its own a request carries every answer so far.
Json body_of(const Json& options, const Json& request, const TypebotScope& scope) {
  const std::string_view custom = string_member(request, "body");
  if (is_true(options, "isCustomBody") && !custom.empty() && custom != "{{state}}") {
    const std::string body = scope.rewrite(custom);
    auto parsed = parse_json(body);
    return parsed ? std::move(*parsed) : make_string(body);
  }
  Json answers = make_object();
  for (const TypebotVariable& variable : scope.variables.all())
    set(answers, variable.label, "{{" + variable.path + "}}");
  return answers;
}

// Typebot's paths start at {statusCode, data}; ours at the body.
Json mapping_of(const Json& options, const TypebotScope& scope) {
  Json mapping = make_object();
  const Json* list = find(options, "responseVariableMapping");
  if (list == nullptr || !list->IsArray()) return mapping;
  for (const Json& entry : list->GetArray()) {
    const TypebotVariable* target = scope.variables.by_id(string_member(entry, "variableId"));
    const std::string_view path = string_member(entry, "bodyPath");
    if (target == nullptr || path.empty()) continue;
    const bool plain =
        (path == "data" || path.starts_with("data.") || path.starts_with("data[")) && !path.contains('(');
    if (!plain) {
      scope.note(Severity::kError, fmt::format("'{}' of the response cannot be read into {}: only paths in data can",
                                               path, target->path));
      continue;
    }
    set(mapping, target->path, "$" + std::string(path.substr(4)));
  }
  return mapping;
}

}  // namespace

Json set_variable_action(const Json& block, const TypebotScope& scope) {
  using Form = TypebotExpression::Form;
  const Json& options = options_of(block);
  const TypebotVariable* variable = scope.variables.of_block(block);
  if (variable == nullptr) {
    scope.note(Severity::kWarning, "the block names no variable and is left out, as Typebot does nothing here");
    return make_object();
  }
  const std::string_view type = string_member(options, "type", "Custom");
  if (type == "Empty") return object_of({{"type", "clear"}, {"variable", variable->path}});
  if (type != "Custom") return predefined(*variable, type, scope);
  const std::string_view text = string_member(options, "expressionToEvaluate");
  if (text.empty()) return object_of({{"type", "clear"}, {"variable", variable->path}});
  const TypebotExpression expression = read_expression(text, is_true(options, "isCode"), scope.variables);
  if (expression.form == Form::kCode) return {};
  if (expression.form == Form::kArithmetic) return calculate(*variable, expression.cel);
  if (expression.form == Form::kNumber) {
    auto number = parse_json(stripped(text));
    if (number) return set_to(*variable, std::move(*number));
  }
  return set_to(*variable, make_string(scope.rewrite(text)));
}

Json script_content(const Json& block, const TypebotScope& scope) {
  const Json& options = options_of(block);
  const bool is_script = string_member(block, "type") == "Script";
  Json content = object_of({{"code", string_member(options, is_script ? "content" : "expressionToEvaluate")}});
  Json inputs = make_object();
  for (const TypebotVariable& variable : scope.variables.all())
    set(inputs, variable.label, "{{" + variable.path + "}}");
  set(content, "inputs", std::move(inputs));
  Json outputs = make_array();
  if (const TypebotVariable* target = scope.variables.of_block(block); !is_script && target != nullptr) {
    push(outputs, make_string(target->path));
  } else if (is_script) {
    for (const TypebotVariable& variable : scope.variables.all()) push(outputs, make_string(variable.path));
  }
  set(content, "outputs", std::move(outputs));
  scope.note(Severity::kWarning,
             "JavaScript is not run here: the client gets it, runs it and answers before the conversation goes on");
  return content;
}

Json webhook_content(const Json& block, const TypebotScope& scope) {
  const Json& options = options_of(block);
  static const Json kNothing = make_object();
  const Json* found = find(options, "webhook");
  if (found == nullptr) found = find(block, "webhook");
  const Json& request = found == nullptr ? kNothing : *found;
  const std::string_view method = string_member(request, "method", "POST");
  Json content = object_of({{"url", url_with_query(request, scope)}, {"method", method}});
  Json headers = pairs_of(find(request, "headers"), scope);
  if (headers.MemberCount() > 0) set(content, "headers", std::move(headers));
  if (method != "GET" && method != "HEAD") set(content, "body", body_of(options, request, scope));
  if (const Json* timeout = find(options, "timeout"); timeout != nullptr && timeout->IsNumber()) {
    set(content, "timeout", clone(*timeout));
  }
  Json mapping = mapping_of(options, scope);
  if (mapping.MemberCount() > 0) set(content, "response_mapping", std::move(mapping));
  if (is_true(options, "isExecutedOnClient")) {
    scope.note(Severity::kWarning, "the request was made by the visitor's browser; here a worker makes it");
  }
  return content;
}

}  // namespace sluice::flow::importing
