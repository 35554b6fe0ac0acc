// Validation rules: named CEL expressions over the parts of a flow (FLOW 10).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/flow/report.h"

namespace sluice::flow {

// A rule is asked of every part of its kind, and finds something when `when` is true. The expression sees `it`, the
// facts of the part, `node` (null for parts outside nodes), `flow`, the whole document, and `options` {require_https}.
// docs/validation.md lists the parts with their facts. {name} in message and fix is replaced by the fact of that name.
struct Rule {
  std::string name;
  Severity severity;
  std::string on;
  std::string when;
  std::string message;
  std::string fix;
};

// The rules that hold unless they are switched off. sluice.validate_flow in SQL uses the same names.
[[nodiscard]] const std::vector<Rule>& built_in_rules();

}  // namespace sluice::flow
