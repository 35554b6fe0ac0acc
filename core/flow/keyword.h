// Global keyword actions (settings.global_actions): words that a user may type at any question. A list of
// {"keywords": [texts], "action": "restart" | "escalate" | "goto" | "end", "node": id}, or an object of keyword to
// action name or
// {"action", "node"}. A keyword is the whole input, whatever its case.
#pragma once

#include <optional>
#include <string>

#include "core/base/json.h"

namespace sluice::flow {

struct GlobalAction {
  enum class Kind { kRestart, kEscalate, kGoto, kEnd };
  Kind kind;
  std::string node;  // of kEscalate and kGoto; empty: none
};

[[nodiscard]] std::optional<GlobalAction> global_action(const Json& settings, const Json& input);

}  // namespace sluice::flow
