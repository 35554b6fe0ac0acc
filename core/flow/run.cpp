#include "core/flow/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/flow/session.h"

namespace sluice::flow {
namespace {

constexpr rapidjson::SizeType kVisited = 50;  // node ids that session.history holds
constexpr std::size_t kPassed = 1000;         // the last ones of a step's path that its event tells

// The scopes that every state has.
void complete_scopes(Json& state) {
  if (!state.IsObject()) state = make_object();
  for (const char* scope : {"user", "variables", "context", "temp"}) {
    Json* value = find(state, scope);
    if (value == nullptr) {
      set(state, scope, make_object());
    } else if (!value->IsObject()) {
      *value = make_object();
    }
  }
}

Json session_view(const Session& session) {
  Json view = make_object();
  set(view, "id", session.id);
  set(view, "started_at", to_text(session.started_at));
  set(view, "current_node", session.current_node);
  set(view, "status", to_text(session.status));
  const Json* visited = find(session.info, "visited");
  if (visited != nullptr) set(view, "history", clone(*visited));
  return view;
}

}  // namespace

Run::Run(const FlowSet& flows, Session session, const Context& context)
    : flows_(flows), context_(context), revision_(session.revision + 1) {
  step_.session = std::move(session);
  Session& next = step_.session;
  if (!next.info.IsObject()) next.info = make_object();
  if (!next.stack.IsArray()) next.stack = make_array();
  complete_scopes(next.state);
  set(next.state, "session", session_view(next));
  Json& scope = *find(next.state, "context");
  if (Json* now = find(scope, "now")) own_now_ = std::move(*now);
  set(scope, "now", to_text(context.now));
  rebuild_frames();
}

void Run::start() {
  apply_defaults(main().variables, *find(state(), "variables"));
  if (auto fits = check_size(state()); !fits && !main().variables.ObjectEmpty()) {
    step_.error = fits.error();
    return end(Status::kAbandoned, fits.error());
  }
  enter(main().entry);
}

void Run::input(const Json& value) {
  const Node& node = current();
  step_.session.info.RemoveMember(kTasksInARow);
  note(node, "input", clone(value));
  const std::int64_t limit = main().setting("max_turns", -1);
  if (limit >= 0) {
    const Json* turns = find(step_.session.info, "turns");
    const std::int64_t turn = (turns != nullptr && turns->IsInt64() ? turns->GetInt64() : 0) + 1;
    set(step_.session.info, "turns", Json(turn));
    if (turn > limit) {
      if (const auto target = after_limit(fmt::format("more than {} inputs (settings.max_turns)", limit)))
        enter(*target);
      return;
    }
  }
  const bool stuck = find(step_.session.wait, "error") != nullptr;
  if (const auto action = global_action(main().settings, value)) {
    if (auto outcome = obey(*action)) go_on(node, std::move(*outcome));
  } else if (stuck) {
    enter(node.id);  // the node failed and waits for somebody to try again
  } else if (node.type == NodeType::kScript) {
    go_on(node, script_result(node, value));
  } else {
    go_on(node, answer(node, value));
  }
}

void Run::timeout() {
  const Node& node = current();
  const bool task = string_member(step_.session.wait, "for") == "task";
  if (task) {
    Json content = make_object();
    set(content, "result", "timeout");
    note(node, "action", std::move(content));
  } else {
    step_.session.info.RemoveMember(kTasksInARow);
  }
  if (const auto target = edge(node, "timeout")) {
    go_on(node, GoTo{*target});
  } else {
    go_on(node, Failed{task ? "the task did not end before its deadline" : "there was no answer before the deadline"});
  }
}

void Run::abandon() {
  end(Status::kAbandoned,
      fmt::format("idle for longer than {} s (settings.session_timeout)", main().session_timeout().count()));
}

void Run::finish_task(std::span<const HttpOutcome> outcomes) {
  const Node& node = current();
  go_on(node, task_result(node, outcomes));
}

Step Run::take() {
  Session& session = step_.session;
  session.revision = revision_;
  session.state.RemoveMember("session");
  note_path();
  Json& scope = *find(session.state, "context");
  if (own_now_) {
    set(scope, "now", std::move(*own_now_));
  } else {
    scope.RemoveMember("now");
  }
  return std::move(step_);
}

// For the event of this step (FLOW 3): the revision that it makes and the nodes it passed. The trigger compares the
// revision, so that the event of a later change does not tell this path.
void Run::note_path() {
  step_.session.info.RemoveMember("path");
  if (step_.path.empty()) return;
  const std::size_t passed = std::min(step_.path.size(), kPassed);
  Json path = make_array();
  path.Reserve(static_cast<rapidjson::SizeType>(passed + 1), json_allocator());
  push(path, Json(revision_));
  for (std::size_t i = step_.path.size() - passed; i < step_.path.size(); ++i) push(path, make_string(step_.path[i]));
  step_.session.info.AddMember("path", std::move(path), json_allocator());
}

void Run::enter(const std::string& node_id) {
  std::optional<std::string> target = node_id;
  while (target) {
    if (++entered_ > main().setting("max_steps", kMaxSteps)) {
      target = after_limit(
          fmt::format("more than {} nodes in one step (settings.max_steps)", main().setting("max_steps", kMaxSteps)));
      continue;
    }
    const Node* node = frame().graph->node(*target);
    if (node == nullptr) {
      const Node& here = current();
      target = next(here, Failed{fmt::format("there is no node \"{}\"", *target)});
      continue;
    }
    step_.session.current_node = node->id;
    step_.path.push_back(node->id);
    set(*find(state(), "session"), "current_node", node->id);
    if (main().reads_history) {
      Json* visited = find(step_.session.info, "visited");
      if (visited == nullptr) visited = &set(step_.session.info, "visited", make_array());
      if (visited->Size() >= kVisited) visited->Erase(visited->Begin());
      push(*visited, make_string(node->id));
      set(*find(state(), "session"), "history", clone(*visited));
    }
    target = next(*node, visit(*node));
  }
}

void Run::go_on(const Node& node, Outcome outcome) {
  if (const auto target = next(node, std::move(outcome))) enter(*target);
}

Outcome Run::visit(const Node& node) {
  switch (node.type) {
    case NodeType::kMessage:
      return show(node);
    case NodeType::kQuestion:
      return ask(node, {});
    case NodeType::kCondition:
      return decide(node);
    case NodeType::kAction:
    case NodeType::kWebhook:
      return await_task(node);
    case NodeType::kComposite:
      return enter_composite(node);
    case NodeType::kScript:
      return offer_script(node);
  }
  return Waiting{};
}

// The node to enter next, in the frame that is then on top; none when the step is over.
std::optional<std::string> Run::next(const Node& from, Outcome outcome) {
  const Node* node = &from;
  while (true) {
    if (std::holds_alternative<Waiting>(outcome)) return std::nullopt;
    if (auto* go = std::get_if<GoTo>(&outcome)) return std::move(go->target);
    if (auto* failed = std::get_if<Failed>(&outcome)) return after_failure(*node, failed->problem);
    if (auto* over = std::get_if<OverLimit>(&outcome)) return after_limit(over->problem);
    if (auto target = any_edge(*node, std::get<Leave>(outcome).labels)) return target;
    if (frames_.size() == 1) {
      end(Status::kCompleted, {});
      return std::nullopt;
    }
    const Node* composite = frame().composite;
    auto outputs = leave_composite();
    node = composite;
    step_.session.current_node = node->id;
    if (outputs) {
      outcome = Leave{{"default", "success"}};
    } else {
      outcome = Failed{outputs.error()};
    }
  }
}

std::optional<std::string> Run::edge(const Node& node, std::string_view label) const {
  for (const Edge& candidate : node.edges) {
    if (candidate.label != label) continue;
    bool holds = true;
    for (const Condition& condition : candidate.when) holds = holds && condition.holds(state());
    if (holds) return candidate.target;
  }
  return std::nullopt;
}

std::optional<std::string> Run::any_edge(const Node& node, const std::vector<std::string>& labels) const {
  for (const auto& label : labels) {
    if (auto target = edge(node, label)) return target;
  }
  return std::nullopt;
}

// The failure edge of the node, of the composites around it, then the flow's fallback; else the session stays where it
// is and the next input tries the node again.
std::optional<std::string> Run::after_failure(const Node& node, const std::string& problem) {
  step_.error = fmt::format("{}: {}", node.id, problem);
  Json error = make_object();
  set(error, "node_id", node.id);
  set(error, "message", problem);
  set(error, "revision", Json(revision_));
  set(error, "at", to_text(context_.now));
  set(step_.session.info, "last_error", std::move(error));

  if (auto target = edge(node, "failure")) return target;
  for (std::size_t i = frames_.size() - 1; i > 0; --i) {
    const Node& composite = *frames_[i].composite;
    if (std::none_of(composite.edges.begin(), composite.edges.end(),
                     [](const Edge& e) { return e.label == "failure"; }))
      continue;
    while (frames_.size() > i) drop_composite();
    step_.session.current_node = composite.id;
    if (auto target = edge(composite, "failure")) return target;
  }
  const auto fallback = string_member(main().settings, "fallback_node");
  if (!fallback.empty() && fallback != node.id && main().node(fallback) != nullptr) {
    while (frames_.size() > 1) drop_composite();
    return std::string(fallback);
  }
  set(wait_for(current(), "input", std::nullopt), "error", problem);
  return std::nullopt;
}

std::optional<std::string> Run::after_limit(const std::string& problem) {
  step_.error = problem;
  const auto fallback = string_member(main().settings, "fallback_node");
  const bool taken = find(step_.session.info, "fallback_taken") != nullptr;
  if (taken || fallback.empty() || main().node(fallback) == nullptr) {
    end(Status::kAbandoned, problem);
    return std::nullopt;
  }
  set(step_.session.info, "fallback_taken", problem);
  while (frames_.size() > 1) drop_composite();
  entered_ = 0;
  return std::string(fallback);
}

void Run::end(Status status, std::string_view reason) {
  while (frames_.size() > 1) drop_composite();
  step_.session.status = status;
  step_.session.wait.SetNull();
  if (!reason.empty()) set(step_.session.info, "reason", reason);
}

const Node& Run::current() const {
  const Node* node = frame().graph->node(step_.session.current_node);
  if (node == nullptr) {
    throw Error(fmt::format("session {} stands at node \"{}\", which its flow does not have", step_.session.id,
                            step_.session.current_node),
                "move it with sluice.migrate_session, or end it");
  }
  return *node;
}

}  // namespace sluice::flow
