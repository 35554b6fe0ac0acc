// The work of one pending node (FLOW 8). Nothing of it is stored between calls but the outcomes: each request is found
// by running the node's actions again on a scratch copy, so that a patched state needs nothing more than finish() with
// it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/action.h"
#include "core/flow/engine.h"
#include "core/flow/http_call.h"
#include "core/flow/run.h"

namespace sluice::flow {

struct NodeRun::State {
  const FlowSet& flows;
  Session session;  // empty when there is no call to be found
  std::string key;
  Context context;
  std::vector<HttpOutcome> outcomes;
  bool ended = false;  // no further call: all made, or the node fails without
};

namespace {

// Whether a request may come of the pending node. A top-level action node without an api_call makes none, and needs no
// scratch copy to find that out; which graph a node inside of a composite belongs to only a run knows.
bool may_call(const FlowSet& flows, const Session& session) {
  if (!session.stack.IsArray() || !session.stack.Empty()) return true;
  const Node* node = flows.main->node(session.current_node);
  return node == nullptr || node->type != NodeType::kAction || node->api_calls > 0;
}

}  // namespace

NodeRun::NodeRun(const FlowSet& flows, const Session& session, std::string task_key, const Context& context)
    : state_(new State{.flows = flows,
                       .session = {},
                       .key = std::move(task_key),
                       .context = context,
                       .outcomes = {},
                       .ended = !may_call(flows, session)}) {
  if (!state_->ended) state_->session = session.copy();
}
NodeRun::~NodeRun() = default;
NodeRun::NodeRun(NodeRun&&) noexcept = default;
NodeRun& NodeRun::operator=(NodeRun&&) noexcept = default;

namespace {

std::string misfit(const Session& session, const std::string& key) {
  if (session.status != Status::kActive) return fmt::format("the session is {}", to_text(session.status));
  if (string_member(session.wait, "for") == "task" && string_member(session.wait, "key") == key) return {};
  const auto now = string_member(session.wait, "key");
  return fmt::format("the session waits for {}, not for {}", now.empty() ? "nothing" : now, key);
}

}  // namespace

std::optional<HttpCall> NodeRun::next_call() {
  if (state_->ended || !misfit(state_->session, state_->key).empty()) return std::nullopt;
  Run run(state_->flows, state_->session.copy(), state_->context);
  auto call = run.next_call(state_->outcomes, state_->key);
  state_->ended = !call;
  return call;
}

bool NodeRun::may_pass(const HttpOutcome& outcome) {
  constexpr std::array<int, 3> kPassing{408, 425, 429};
  if (outcome.status >= 500) return true;
  if (outcome.status != 0) return std::find(kPassing.begin(), kPassing.end(), outcome.status) != kPassing.end();
  // The guarded client's refusals (refused_address, refused_url, refused_request) would be the same tomorrow.
  return !outcome.error.starts_with("refused_");
}

void NodeRun::give(HttpOutcome outcome) {
  state_->outcomes.push_back(std::move(outcome));
}

std::variant<Step, Discarded> NodeRun::finish(const Session& session, const Context& context) {
  Session copy = session.copy();
  return finish_last(copy, context);
}

std::variant<Step, Discarded> NodeRun::finish_last(Session& session, const Context& context) {
  if (auto reason = misfit(session, state_->key); !reason.empty()) return Discarded{std::move(reason)};
  Run run(state_->flows, session.take_over(), context);
  run.finish_task(state_->outcomes);
  return run.take();
}

}  // namespace sluice::flow
