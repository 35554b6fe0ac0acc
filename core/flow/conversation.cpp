#include "core/flow/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/flow/session.h"

namespace sluice::flow {
namespace {

// A flow whose settings allow tasks to lead in a circle for long is stopped here.
constexpr std::size_t kMaxTasks = 1000;

}  // namespace

Conversation::Conversation(const FlowSet& flows, Json initial_state, Time now, Respond respond, std::uint64_t seed,
                           const ContentSource* content)
    : flows_(flows), context_{.now = now, .seed = seed, .content = content}, respond_(std::move(respond)) {
  session_.id = "00000000-0000-4000-8000-000000000000";
  session_.started_at = now;
  session_.state = std::move(initial_state);
}

std::vector<Step> Conversation::start() {
  return go_on(step(flows_, session_, Start{}, context_));
}

std::vector<Step> Conversation::input(const Json& value) {
  return go_on(step(flows_, session_, Input{clone(value)}, context_));
}

std::vector<Step> Conversation::timeout() {
  if (deadline_) context_.now = std::max(context_.now, *deadline_);
  return go_on(step(flows_, session_, Timeout{std::string(string_member(session_.wait, "key"))}, context_));
}

bool Conversation::waits_for_input() const {
  return session_.status == Status::kActive && string_member(session_.wait, "for") == "input";
}

std::vector<Step> Conversation::go_on(std::variant<Step, Discarded> first) {
  std::vector<Step> steps;
  discarded_.clear();
  std::variant<Step, Discarded> outcome = std::move(first);
  while (auto* taken = std::get_if<Step>(&outcome)) {
    session_ = taken->session.copy();
    deadline_ = taken->deadline;
    const bool task = taken->task.has_value();
    steps.push_back(std::move(*taken));
    if (!task) return steps;
    if (steps.size() > kMaxTasks) {
      discarded_ = fmt::format("more than {} tasks without waiting for an input", kMaxTasks);
      return steps;
    }
    outcome = run_task();
  }
  discarded_ = std::get<Discarded>(outcome).reason;
  return steps;
}

std::variant<Step, Discarded> Conversation::run_task() {
  NodeRun run(flows_, session_, std::string(string_member(session_.wait, "key")), context_);
  while (auto call = run.next_call()) {
    HttpOutcome outcome = respond_(session_.current_node, *call);
    for (int attempt = 1; attempt < call->retry.attempts && NodeRun::may_pass(outcome); ++attempt) {
      outcome = respond_(session_.current_node, *call);
    }
    run.give(std::move(outcome));
  }
  return run.finish(session_, context_);
}

}  // namespace sluice::flow
