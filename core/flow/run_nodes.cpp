// What each type of node does when it is entered and when what it waited for has come (FLOW 5–9).
#include <fmt/format.h>

#include "core/flow/action.h"
#include "core/flow/http_call.h"
#include "core/flow/language.h"
#include "core/flow/message.h"
#include "core/flow/question.h"
#include "core/flow/run.h"
#include "core/flow/session.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

std::optional<std::chrono::seconds> seconds_member(const Json& content, std::string_view key) {
  const Json* value = find(content, key);
  if (value == nullptr || !value->IsNumber() || value->GetDouble() <= 0 || value->GetDouble() > 1e9)
    return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(value->GetDouble()));
}

std::int64_t whole_member(const Json& content, std::string_view key, std::int64_t fallback) {
  const Json* value = find(content, key);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : fallback;
}

}  // namespace

Outcome Run::show(const Node& node) {
  Json merged;
  const Json& content = localised(node.content, state(), frame().flow->settings, merged);
  Contents source = contents();
  auto messages = rendered_messages(content, source);
  if (!messages) return Failed{messages.error()};
  for (auto& message : *messages) say(node, std::move(message));
  return Leave{{"default", "success"}};
}

// Labels before node ids; an entry's else, the node's else or default_path, then default (FLOW 5).
Outcome Run::decide(const Node& node) const {
  const auto choice = [&](std::string_view name) -> Outcome {
    if (auto target = edge(node, name)) return GoTo{*target};
    if (frame().graph->node(name) != nullptr) return GoTo{std::string(name)};
    return Leave{{"default"}};
  };
  for (const Branch& branch : node.branches) {
    if (branch.when.holds(state())) return choice(branch.then);
    if (!branch.otherwise.empty()) return choice(branch.otherwise);
  }
  const auto otherwise = string_member(node.content, "else", string_member(node.content, "default_path"));
  return otherwise.empty() ? Outcome(Leave{{"default"}}) : choice(otherwise);
}

// `complaint`: what was wrong with the last answer, empty on the first time.
Outcome Run::ask(const Node& node, std::string_view complaint) {
  Json merged;
  const Json& content = localised(node.content, state(), frame().flow->settings, merged);
  Contents source = contents();
  auto question = question_message(content, source);
  if (!question) return Failed{question.error()};
  if (complaint.empty()) {
    find(state(), "temp")->RemoveMember("attempts");
  } else {
    Json apology = make_object();
    set(apology, "type", "text");
    set(apology, "text", complaint);
    say(node, std::move(apology));
  }
  const std::string text(string_member(*question, "text"));
  Json options = rendered_options(content, state());
  set(*question, "input_type", input_type(content));
  if (options.Size() > 0) set(*question, "options", clone(options));
  say(node, std::move(*question));

  Json& wait = wait_for(node, "input", seconds_member(content, "timeout"));
  set(wait, "question", text);
  set(wait, "input_type", input_type(content));
  if (options.Size() > 0) set(wait, "options", std::move(options));
  return Waiting{};
}

Outcome Run::answer(const Node& node, const Json& value) {
  Json merged;
  const Json& content = localised(node.content, state(), frame().flow->settings, merged);
  auto judged = judge(node, content, state(), value);
  if (auto* rejected = std::get_if<Rejected>(&judged)) {
    Json& temp = *find(state(), "temp");
    const std::int64_t attempts = whole_member(temp, "attempts", 0) + 1;
    set(temp, "attempts", Json(attempts));
    const Json* validation = find(content, "validation");
    const std::int64_t in_validation = validation != nullptr ? whole_member(*validation, "max_attempts", 0) : 0;
    const std::int64_t limit = whole_member(content, "max_attempts", in_validation);
    if (limit > 0 && attempts >= limit) return Failed{fmt::format("no valid answer in {} attempts", attempts)};
    return ask(node, rejected->message);
  }
  auto& accepted = std::get<Accepted>(judged);
  if (const auto variable = string_member(content, "variable"); !variable.empty()) {
    Writer target = writer();
    auto written = target.set(variable, std::move(accepted.value));
    if (written) written = target.keep();
    if (!written) return Failed{written.error()};
  }
  accepted.labels.emplace_back("default");
  accepted.labels.emplace_back("success");
  return Leave{std::move(accepted.labels)};
}

Outcome Run::await_task(const Node& node) {
  const std::int64_t tasks = whole_member(step_.session.info, kTasksInARow, 0) + 1;
  const std::int64_t most = main().setting("max_steps", kMaxSteps);
  if (tasks > most) {
    step_.session.info.RemoveMember(kTasksInARow);
    return OverLimit{fmt::format("more than {} tasks without an input (settings.max_steps)", most)};
  }
  set(step_.session.info, kTasksInARow, Json(tasks));
  auto limit = seconds_member(node.content, "deadline");
  if (!limit && node.type == NodeType::kWebhook) limit = call_budget(node.content);
  if (!limit && node.api_calls > 0) {
    limit = seconds_member(node.content, "timeout").value_or(std::chrono::seconds(0));
    for (const Action& action : node.actions) {
      if (action.type == "api_call") *limit += call_budget(action.params);
    }
  }
  (void)wait_for(node, "task", limit);
  step_.task = TaskRequest{.kind = std::string(to_text(node.type)),
                           .node_id = node.id,
                           .key = wait_key(step_.session.id, node.id, revision_),
                           .deadline = step_.deadline};
  return Waiting{};
}

std::optional<HttpCall> Run::next_call(std::span<const HttpOutcome> outcomes, const std::string& key) {
  const Node& node = current();
  if (node.type == NodeType::kWebhook) {
    if (!outcomes.empty()) return std::nullopt;
    auto call = make_call(node.content, state(), key);
    return call ? std::optional(std::move(*call)) : std::nullopt;
  }
  if (outcomes.size() >= node.api_calls) return std::nullopt;
  Writer scratch = writer();
  auto result = run_actions(node, outcomes, key, scratch);
  auto* call = std::get_if<HttpCall>(&result);
  return call != nullptr ? std::optional(std::move(*call)) : std::nullopt;
}

Outcome Run::task_result(const Node& node, std::span<const HttpOutcome> outcomes) {
  Writer target = writer();
  std::expected<void, std::string> done;
  Json content = make_object();
  bool timed_out = false;
  if (node.type == NodeType::kWebhook) {
    HttpOutcome outcome;
    if (!outcomes.empty()) {
      outcome = outcomes.front();
    } else if (auto call = make_call(node.content, state(), {}); !call) {
      outcome.error = call.error();
    } else {
      outcome.error = "the request was not made";
    }
    timed_out = outcome.status == 0 && outcome.error == "timeout";
    if (outcome.status != 0) set(content, "status", Json(outcome.status));
    auto values = outcome_values(node.content, outcome, MappingKind::kWebhook);
    if (!values) {
      done = std::unexpected(values.error());
    } else {
      for (auto& [name, value] : *values) {
        if (done) done = target.set(name, std::move(value));
      }
    }
  } else {
    auto result = run_actions(node, outcomes, {}, target);
    if (auto* failed = std::get_if<ActionsFailed>(&result)) done = std::unexpected(failed->problem);
    if (std::holds_alternative<HttpCall>(result))
      done = std::unexpected("the state changed while the node ran: a call was not made");
    Json types = make_array();
    for (const Action& action : node.actions) push(types, make_string(action.type));
    set(content, "actions", std::move(types));
  }
  if (done) {
    done = target.keep();
  } else {
    target.take_back();
  }
  set(content, "result", done ? "success" : "failure");
  if (!done) set(content, "error", done.error());
  note(node, "action", std::move(content));
  if (done) return Leave{{"success", "default"}};
  if (timed_out) {
    if (auto timeout_edge = edge(node, "timeout")) return GoTo{*timeout_edge};
  }
  return Failed{done.error()};
}

// The client runs the code and answers with the variables of `outputs` (FLOW 9).
Outcome Run::offer_script(const Node& node) {
  Json message = clone(node.content);
  for (const char* member : {"translations", "outputs", "timeout"}) message.RemoveMember(member);
  set(message, "type", "script");
  if (Json* inputs = find(message, "inputs")) *inputs = render_value(*inputs, state(), Unresolved::kDrop);
  if (const Json* outputs = find(node.content, "outputs")) set(message, "outputs", clone(*outputs));
  Json& wait = wait_for(node, "input", seconds_member(node.content, "timeout"));
  set(wait, "input_type", "script");
  say(node, std::move(message));
  return Waiting{};
}

Outcome Run::script_result(const Node& node, const Json& value) {
  const Json* result = find(value, "value");
  if (result == nullptr) result = &value;
  if (const Json* error = find(*result, "error"); error != nullptr && !error->IsNull()) {
    return Failed{"the client's script failed: " +
                  (error->IsString() ? std::string(text_of(*error)) : to_text(*error)).substr(0, 500)};
  }
  if (const Json* inner = find(*result, "outputs")) result = inner;
  const Json* outputs = find(node.content, "outputs");
  Writer target = writer();
  const auto accept = [&](std::string_view name, std::string_view variable) {
    const Json* given = find(*result, name);
    return given != nullptr ? target.set(variable, clone(*given)) : std::expected<void, std::string>();
  };
  std::expected<void, std::string> done;
  if (outputs != nullptr && outputs->IsArray()) {
    for (const auto& name : outputs->GetArray()) {
      if (done && name.IsString()) done = accept(text_of(name), text_of(name));
    }
  } else if (outputs != nullptr && outputs->IsObject()) {
    for (const auto& member : outputs->GetObject()) {
      const auto name = text_of(member.name);
      if (done) done = accept(name, member.value.IsString() ? text_of(member.value) : name);
    }
  }
  if (done) {
    done = target.keep();
  } else {
    target.take_back();
  }
  return done ? Outcome(Leave{{"success", "default"}}) : Outcome(Failed{done.error()});
}

// Nothing when the session has ended.
std::optional<Outcome> Run::obey(const GlobalAction& action) {
  if (action.kind == GlobalAction::Kind::kEnd) {
    end(Status::kCompleted, {});
    return std::nullopt;
  }
  while (frames_.size() > 1) drop_composite();
  step_.session.current_node = main().entry;
  if (action.kind == GlobalAction::Kind::kRestart) {
    set(state(), "temp", make_object());
    Json& variables = set(state(), "variables", make_object());
    apply_defaults(main().variables, variables);
    return GoTo{main().entry};
  }
  if (action.kind == GlobalAction::Kind::kEscalate) {
    set(*find(state(), "context"), "escalated", Json(true));
    if (action.node.empty()) {
      end(Status::kCompleted, "escalated");
      return std::nullopt;
    }
  }
  return GoTo{action.node};
}

void Run::say(const Node& node, Json message) {
  note(node, "message", clone(message));
  step_.messages.push_back({node.id, std::move(message)});
}

void Run::note(const Node& node, std::string_view type, Json content) {
  step_.history.push_back({node.id, std::string(type), std::move(content)});
}

Json& Run::wait_for(const Node& node, std::string_view what, std::optional<std::chrono::seconds> timeout) {
  Json wait = make_object();
  set(wait, "for", what);
  set(wait, "key", wait_key(step_.session.id, node.id, revision_));
  set(wait, "node_id", node.id);
  step_.deadline.reset();
  if (timeout) {
    step_.deadline = context_.now + *timeout;
    set(wait, "deadline", to_text(*step_.deadline));
  }
  step_.session.wait = std::move(wait);
  return step_.session.wait;
}

}  // namespace sluice::flow
