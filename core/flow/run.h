// One step in the making (FLOW 3): a session that nodes change until something must be waited for or the
// flow ends. run.cpp has the loop, edges, failures and limits; run_nodes.cpp what each type of node does;
// run_composite.cpp the frames.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/flow/content.h"
#include "core/flow/engine.h"
#include "core/flow/keyword.h"
#include "core/flow/writer.h"

namespace sluice::flow {

// How a node was left. Labels are tried in order; without any edge that fits, the flow or composite is at its end.
struct Leave {
  std::vector<std::string> labels;
};
struct GoTo {
  std::string target;
};
struct Waiting {};
struct Failed {
  std::string problem;
};
struct OverLimit {  // the fallback once, then the session is abandoned
  std::string problem;
};
using Outcome = std::variant<Leave, GoTo, Waiting, Failed, OverLimit>;

inline constexpr std::int64_t kMaxSteps = 200;                 // settings.max_steps
inline constexpr const char* kTasksInARow = "tasks_in_a_row";  // of session.info: since the last input or its deadline

class Run {
 public:
  // Throws Error when the session's stack does not fit the flow: a sub-flow or node of it is gone.
  Run(const FlowSet& flows, Session session, const Context& context);

  // The triggers. Each may be called once; then take().
  void start();
  void input(const Json& value);
  void timeout();
  void abandon();
  void finish_task(std::span<const HttpOutcome> outcomes);

  // The request that the pending node needs next after these outcomes; none when it needs none, or cannot make it (then
  // the node fails when it is finished). Writes to this run's copy of the state, so it may be called once.
  [[nodiscard]] std::optional<HttpCall> next_call(std::span<const HttpOutcome> outcomes, const std::string& key);

  // The finished step: revision raised, the wait's key in place.
  [[nodiscard]] Step take();

 private:
  struct Frame {
    const Flow* flow;
    const Graph* graph;
    const Json* declarations;  // of its variables
    const Node* composite;     // the node of the frame below that called it; nullptr at the bottom
  };

  // run.cpp
  void note_path();
  void enter(const std::string& node_id);
  void go_on(const Node& node, Outcome outcome);
  [[nodiscard]] Outcome visit(const Node& node);
  [[nodiscard]] std::optional<std::string> next(const Node& node, Outcome outcome);
  [[nodiscard]] std::optional<std::string> edge(const Node& node, std::string_view label) const;
  [[nodiscard]] std::optional<std::string> any_edge(const Node& node, const std::vector<std::string>& labels) const;
  [[nodiscard]] std::optional<std::string> after_failure(const Node& node, const std::string& problem);
  [[nodiscard]] std::optional<std::string> after_limit(const std::string& problem);
  void end(Status status, std::string_view reason);

  // run_nodes.cpp
  [[nodiscard]] Outcome show(const Node& node);
  [[nodiscard]] Outcome decide(const Node& node) const;
  [[nodiscard]] Outcome ask(const Node& node, std::string_view complaint);
  [[nodiscard]] Outcome answer(const Node& node, const Json& value);
  [[nodiscard]] Outcome await_task(const Node& node);
  [[nodiscard]] Outcome offer_script(const Node& node);
  [[nodiscard]] Outcome script_result(const Node& node, const Json& value);
  [[nodiscard]] Outcome task_result(const Node& node, std::span<const HttpOutcome> outcomes);
  [[nodiscard]] std::optional<Outcome> obey(const GlobalAction& action);

  // run_composite.cpp
  void rebuild_frames();
  [[nodiscard]] Outcome enter_composite(const Node& node);
  void drop_composite();
  [[nodiscard]] std::expected<void, std::string> leave_composite();
  [[nodiscard]] Frame frame_of(const Node& composite, const Frame& below) const;

  [[nodiscard]] const Frame& frame() const { return frames_.back(); }
  [[nodiscard]] const Node& current() const;
  [[nodiscard]] const Flow& main() const { return *flows_.main; }
  [[nodiscard]] Json& state() { return step_.session.state; }
  [[nodiscard]] const Json& state() const { return step_.session.state; }
  [[nodiscard]] Writer writer() { return {state(), *frame().declarations, frames_.size() > 1}; }
  [[nodiscard]] Contents contents() {
    return {context_.content, context_.seed, state(), step_.session.info, frame().flow->settings};
  }
  void say(const Node& node, Json message);
  void note(const Node& node, std::string_view type, Json content);
  Json& wait_for(const Node& node, std::string_view what, std::optional<std::chrono::seconds> timeout);

  const FlowSet& flows_;
  Context context_;
  Step step_;
  std::vector<Frame> frames_;
  int revision_;  // that the step will have
  std::int64_t entered_ = 0;
  std::optional<Json> own_now_;  // context.now as the state had it
};

}  // namespace sluice::flow
