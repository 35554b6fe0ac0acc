// What is wrong with a flow (FLOW 10): JSON Schemas for the contents of nodes, then rules over facts about the whole.
// Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/flow/report.h"
#include "core/flow/validate/rules.h"

namespace sluice::flow {

struct ValidateOptions {
  bool require_https = false;                               // settings.require_https of the flow does the same
  std::set<std::string, std::less<>> switched_off;          // names of rules; "schema" is the schemas' name
  std::vector<Rule> more;                                   // the operator's own
  std::optional<std::set<std::string, std::less<>>> flows;  // names and ids that composites may call; none: not checked
  std::optional<std::set<std::string, std::less<>>> secrets;  // keys that exist; none: not checked
};

// `flow` is a canonical document (FLOW 11); anything else gives findings, never an exception. In the order of the
// document. Paths name nodes by their ids: nodes.ask_age.content.timeout, nodes.shop.content.nodes.pay.
[[nodiscard]] std::vector<Finding> validate(const Json& flow, const ValidateOptions& options = {});

[[nodiscard]] bool has_errors(const std::vector<Finding>& findings);

}  // namespace sluice::flow
