// The actions of an action node (FLOW 7): in order, each sees the ones before, all of them or none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/flow/engine.h"
#include "core/flow/writer.h"

namespace sluice::flow {

// The actions of a node's content, expressions compiled.
[[nodiscard]] std::vector<Action> compile_actions(const Json& content);

struct ActionsDone {};
struct ActionsFailed {
  std::string problem;  // names the action and its place
};

// The outcome of running a node's actions with the responses known so far: done, failed, or the request that comes
// next.
using ActionsResult = std::variant<ActionsDone, ActionsFailed, HttpCall>;

// Runs them on `writer`. The caller takes the writes back unless all are done. `key` is the task's: the n-th call of
// the node carries key:n.
[[nodiscard]] ActionsResult run_actions(const Node& node, std::span<const HttpOutcome> outcomes, const std::string& key,
                                        Writer& writer);

}  // namespace sluice::flow
