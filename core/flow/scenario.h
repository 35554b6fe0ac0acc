// A flow's own tests (FLOW 10): test_scenarios, a list of {"name", "steps", "mocks", "state"}, run on the engine
// without a database. A step is {"input" | "timeout": true, "expect_node", "expect_text_contains",
// "expect_text_not_contains", "expect_status", "expect_state"}; the first step without input starts the session. A
// mock, by node id, is {"status", "body"} or
// {"error"}, or a list of them, one a request, of which the last repeats.
#pragma once

#include <string>
#include <vector>

#include "core/flow/engine.h"

namespace sluice::flow {

// The first step that went otherwise than its scenario says.
struct Difference {
  std::size_t step;  // from 0
  std::string what;  // the expectation's name, such as expect_node
  std::string expected;
  std::string actual;
};

struct ScenarioResult {
  std::string name;
  std::size_t steps = 0;                // that went as expected
  std::vector<Difference> differences;  // of one step; empty: passed
  std::vector<std::string> transcript;  // "> input" and "node: text" lines up to there
};

// All scenarios of the flow's document, in its order. A node that makes a request without a mock is a difference.
[[nodiscard]] std::vector<ScenarioResult> run_scenarios(const FlowSet& flows, const Json& document);

}  // namespace sluice::flow
