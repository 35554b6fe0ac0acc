// A conversation in memory: the engine with a session of its own, for `sluice chat` and `sluice flow test`. Tasks run
// at once; their requests go to whoever made the conversation.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/engine.h"

namespace sluice::flow {

class Conversation {
 public:
  // Answers a request of the named node. Secrets in it are marks (secrets.h).
  using Respond = std::function<HttpOutcome(const std::string& node_id, const HttpCall& call)>;

  // The session begins at `now` with this state. `flows` outlives the conversation.
  Conversation(const FlowSet& flows, Json initial_state, Time now, Respond respond, std::uint64_t seed = 0,
               const ContentSource* content = nullptr);

  // Each goes on until the session waits for an input or has ended, and gives the steps that were taken, in order. Time
  // stands still but for `timeout`, which moves it to the deadline of the wait. Tasks that lead in a circle are stopped
  // after 1000.
  std::vector<Step> start();
  std::vector<Step> input(const Json& value);
  std::vector<Step> timeout();

  [[nodiscard]] const Session& session() const { return session_; }
  [[nodiscard]] bool waits_for_input() const;
  // Why the last trigger did nothing; empty when it did something.
  [[nodiscard]] const std::string& discarded() const { return discarded_; }

 private:
  std::vector<Step> go_on(std::variant<Step, Discarded> first);
  std::variant<Step, Discarded> run_task();

  const FlowSet& flows_;
  Context context_;
  Respond respond_;
  Session session_;
  std::optional<Time> deadline_;
  std::string discarded_;
};

}  // namespace sluice::flow
