// The demonstration's flow plays its own scenarios, and is canonical as it stands in the tree.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/base/errors.h"
#include "core/flow/import/import.h"
#include "core/flow/scenario.h"

namespace sluice::flow {
namespace {

Json bookbot() {
  std::ifstream file(SLUICE_SOURCE_DIR "/examples/bookbot.json");
  std::stringstream text;
  text << file.rdbuf();
  auto document = parse_json(text.str());
  if (!document) throw Error("examples/bookbot.json: " + document.error().message);
  return std::move(*document);
}

TEST(ExampleFlow, ImportsWithoutARewrite) {
  const Imported imported = import_flow(bookbot(), Format::kSluice);
  for (const Note& note : imported.report) ADD_FAILURE() << note.path << ": " << note.message;
}

TEST(ExampleFlow, PlaysItsScenarios) {
  const Json document = bookbot();
  const FlowSet flows{.main = Flow::from_json(document), .subflows = {}, .pins = {}};
  const auto results = run_scenarios(flows, document);
  EXPECT_EQ(results.size(), 2U);
  for (const ScenarioResult& result : results) {
    for (const Difference& difference : result.differences) {
      std::string transcript;
      for (const auto& line : result.transcript) transcript += "\n  " + line;
      ADD_FAILURE() << result.name << ", step " << difference.step << ", " << difference.what << ": expected "
                    << difference.expected << ", got " << difference.actual << transcript;
    }
  }
}

}  // namespace
}  // namespace sluice::flow
