#include "core/flow/eval.h"

#include <fmt/format.h>

#include <string>

#include "core/flow/cel/cel.h"
#include "core/flow/condition.h"
#include "core/flow/mapping.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

const Json& nothing() {
  static const Json kObject = make_object();
  return kObject;
}

Json result(Json value) {
  Json answer = make_object();
  set(answer, "result", std::move(value));
  return answer;
}

Json error(std::string_view message) {
  Json answer = make_object();
  set(answer, "error", message);
  return answer;
}

const Json& member_or(const Json& request, std::string_view name, const Json& fallback) {
  const Json* value = find(request, name);
  return value != nullptr ? *value : fallback;
}

Json described(const Trace& trace) {
  Json list = make_array();
  for (const auto& entry : trace) {
    Json item = make_object();
    set(item, "where", entry.where);
    set(item, "problem", entry.problem);
    push(list, std::move(item));
  }
  return list;
}

}  // namespace

Json eval_condition(const Json& request) {
  const Json* when = find(request, "if");
  if (when == nullptr) return error("\"if\" is missing");
  Condition::Names names;
  if (const Json* named = find(request, "conditions"); named != nullptr && named->IsObject()) {
    for (const auto& entry : named->GetObject()) {
      names.insert_or_assign(std::string(text_of(entry.name)), Condition::compile(entry.value, &names));
    }
  }
  Trace trace;
  Json answer = result(Json(Condition::compile(*when, &names).holds(member_or(request, "state", nothing()), &trace)));
  if (!trace.empty()) set(answer, "trace", described(trace));
  return answer;
}

Json eval_template(const Json& request) {
  const Json* source = find(request, "template");
  if (source == nullptr) return error("\"template\" is missing");
  const Json& state = member_or(request, "state", nothing());
  const auto mode = string_member(request, "mode", "keep");
  if (mode == "value") return result(render_value(*source, state));
  if (mode != "keep" && mode != "drop") return error(fmt::format("mode \"{}\" is none of keep, drop, value", mode));
  if (!source->IsString()) return error("\"template\" must be a text in the modes keep and drop");
  return result(make_string(render(text_of(*source), state, mode == "keep" ? Unresolved::kKeep : Unresolved::kDrop)));
}

Json eval_cel(const Json& request) {
  const auto expression = string_member(request, "expr");
  if (const Json* bindings = find(request, "bindings")) {
    auto typed = cel::eval_typed_json(expression, *bindings);
    return typed ? result(std::move(*typed)) : error(cel::to_text(typed.error()));
  }
  auto program = cel::compile(expression);
  if (!program) return error(cel::to_text(program.error()));
  auto value = cel::evaluate(*program, member_or(request, "ctx", nothing()));
  return value ? result(std::move(*value)) : error(cel::to_text(value.error()));
}

Json eval_mapping(const Json& request) {
  const Json* mapping = find(request, "mapping");
  const Json* body = find(request, "body");
  if (mapping == nullptr || body == nullptr) return error("\"mapping\" and \"body\" are needed");
  const auto kind = string_member(request, "kind", "webhook");
  if (kind != "webhook" && kind != "api_call")
    return error(fmt::format("kind \"{}\" is neither webhook nor api_call", kind));
  return result(mapped_object(*mapping, *body, kind == "webhook" ? MappingKind::kWebhook : MappingKind::kApiCall));
}

}  // namespace sluice::flow
