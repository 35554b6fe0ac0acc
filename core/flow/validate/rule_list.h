// Operators' rules as JSON (FLOW 10): what `--rules FILE` holds and what the table sluice.validation_rules is read as.
#pragma once

#include "core/base/json.h"
#include "core/flow/validate/validate.h"

namespace sluice::flow {

// A list of {"name", "part", "severity", "expression", "message", "fix"} for rules of the operator's own, and of
// {"name", "is_active": false} for rules that are switched off, built-in ones included. Adds them to `options`. Throws
// Error naming the entry when one is incomplete or has an unknown part, severity or member; an expression that does not
// compile is no error here but a WARNING of the report.
void add_rules(const Json& list, ValidateOptions& options);

}  // namespace sluice::flow
