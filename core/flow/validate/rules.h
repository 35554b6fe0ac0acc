// Validation rules: named CEL expressions over the parts of a flow (FLOW 10).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/flow/report.h"

namespace sluice::flow {

// A rule is asked of every part of its kind, and finds something when `when` is true. The expression sees `it`, the
// facts of the part, `node` (null for parts outside nodes), `flow`, the whole document, and `options` {require_https}.
// Parts and their facts:
//
//   graph       entry, entry_exists                             connection  source, target, label, source_exists,
//   target_exists, known_label node        id, type, known_type, copies, reachable,        cycle       nodes
//               labels, calls, fallback, timeout                setting     key, value, exists
//   message     present, texts, empty                           question    present, text, input_type, known_type,
//   choices, dynamic condition   entries (-1: no list)                           branch      constant (true, false or
//   empty), last, repeated, shadowed, target, known_target action      type, known_type, listed expression  text,
//   problem request     url, scheme, host, userinfo, absolute,          variable    name
//               timeout (null: none), authorized                subflow     name, known
//   reference   text, known_scope, secret, known_secret
//
// {name} in message and fix is replaced by the fact of that name.
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
