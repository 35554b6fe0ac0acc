// sluice flow: import, validate, test, export, graph, list.
#include <filesystem>

#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kBad = R"({"name": "bad", "entry_node_id": "nowhere", "nodes": [
  {"node_id": "hello", "node_type": "messsage", "content": {"messages": [{"type": "text", "text": "Hello!"}]}}], "connections": []})";

class CliFlow : public CliTest {
 protected:
  std::string flows_stored() const {
    return value(
        "select (select count(*) from sluice.flow_definitions) + (select count(*) from sluice.flow_nodes) + (select "
        "count(*) from sluice.flow_versions)");
  }
};

TEST_F(CliFlow, ImportStoresADraftAndPublishFreezesIt) {
  const Outcome draft = good({"flow", "import", "-"}, kGreeter);
  EXPECT_THAT(draft.out, StartsWith("imported greeter as "));
  EXPECT_EQ(value("select count(*) from sluice.flow_versions"), "0");
  const Outcome published = good({"flow", "import", "-", "--publish", "--json"}, kGreeter);
  EXPECT_EQ(string_member(published.json(), "version"), "1.0");
  EXPECT_EQ(value("select document ->> 'name' from sluice.flow_versions"), "greeter");
  const Outcome renamed = good({"flow", "import", "-", "--publish", "--name", "welcome"}, kGreeter);
  EXPECT_THAT(renamed.out, HasSubstr("imported welcome"));
  const Outcome list = good({"flow", "list", "--json"});
  ASSERT_EQ(list.json().Size(), 2U);
  EXPECT_EQ(string_member(list.json()[1], "name"), "welcome");
}

TEST_F(CliFlow, ABadFlowIsReportedAndNothingIsStored) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"flow", "import", "-"}, {"flow", "import", "-", "--publish"}}) {
    const Outcome outcome = sluice(words, kBad);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("ERROR"));
    EXPECT_THAT(outcome.err, HasSubstr("messsage"));
    EXPECT_THAT(outcome.err, HasSubstr("error: flow 'bad' is not imported: "));
    EXPECT_THAT(outcome.err, HasSubstr("HINT: "));
    EXPECT_EQ(flows_stored(), "0");
  }
  const Outcome json = sluice({"flow", "import", "-", "--json"}, kBad);
  EXPECT_EQ(json.code, 1);
  EXPECT_TRUE(find(json.json(), "flow_id")->IsNull());
  EXPECT_GT(find(json.json(), "report")->Size(), 0U);
}

TEST_F(CliFlow, ABadSuccessorLeavesTheGoodFlowAsItWas) {
  publish_greeter();
  std::string changed(kGreeter);
  changed.replace(changed.find("\"entry_node_id\": \"hello\""), sizeof "\"entry_node_id\": \"hello\"" - 1,
                  "\"entry_node_id\": \"gone\"");
  EXPECT_EQ(sluice({"flow", "import", "-", "--publish"}, changed).code, 1);
  EXPECT_EQ(value("select entry_node_id || ' ' || version from sluice.flow_definitions"), "hello 1.0");
}

TEST_F(CliFlow, WhatIsNoJsonIsToldWithItsPlace) {
  const TextFile file("{\n  \"name\": \"x\",\n  oops\n}\n");
  const Outcome outcome = sluice({"flow", "import", file.path()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, StartsWith("error: " + file.path() + ":3:"));
  const Outcome absent = sluice({"flow", "import", "/no/such/file.json"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.err, HasSubstr("/no/such/file.json cannot be read"));
}

TEST_F(CliFlow, ExportGivesBackWhatWasImported) {
  publish_greeter();
  const Outcome exported = good({"flow", "export", "greeter"});
  const Json document = exported.json();
  EXPECT_EQ(find(document, "nodes")->Size(), 3U);
  EXPECT_EQ(find(document, "connections")->Size(), 2U);
  EXPECT_EQ(find(document, "test_scenarios")->Size(), 1U);
  const Outcome again = good({"flow", "import", "-", "--publish", "--json"}, exported.out);
  EXPECT_EQ(string_member(again.json(), "version"), "1.0") << "the same flow is the same version";
  const Outcome unknown = sluice({"flow", "export", "nothing"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("flow 'nothing' is unknown"));
}

TEST_F(CliFlow, ValidateJudgesFilesWithoutADatabaseAndStoredFlowsByName) {
  const TextFile bad(kBad);
  const Outcome file =
      run_sluice({"flow", "validate", bad.path(), "--json", "--dsn", "postgresql://nobody@127.0.0.1:1/none"});
  EXPECT_EQ(file.code, 1);
  bool error = false;
  for (const Json& finding : file.json().GetArray()) {
    error = error || string_member(finding, "severity") == "ERROR";
    for (const char* member : {"path", "severity", "rule", "message", "fix"})
      EXPECT_NE(find(finding, member), nullptr) << member;
  }
  EXPECT_TRUE(error);
  publish_greeter();
  EXPECT_THAT(good({"flow", "validate", "greeter"}).out, HasSubstr("greeter: "));
  EXPECT_EQ(sluice({"flow", "validate", "nothing"}).code, 1);
}

TEST_F(CliFlow, OperatorsRulesComeFromAFileAndFromTheDatabase) {
  const TextFile rules(R"([{"name": "long-id", "part": "node", "severity": "ERROR", "expression": "size(it.id) > 4",
                            "message": "'{id}' is long", "fix": "shorten it"}])");
  const TextFile file(kGreeter);
  const Outcome by_file = run_sluice({"flow", "validate", file.path(), "--rules", rules.path(), "--json"});
  EXPECT_EQ(by_file.code, 1);
  ASSERT_EQ(by_file.json().Size(), 1U);
  EXPECT_EQ(string_member(by_file.json()[0], "message"), "'hello' is long");
  const TextFile wrong(R"([{"name": "x", "part": "nothing"}])");
  EXPECT_THAT(run_sluice({"flow", "validate", file.path(), "--rules", wrong.path()}).err,
              HasSubstr("rule 'x': the part 'nothing' is unknown"));

  run_sql(
      "select sluice.set_validation_rule('long-id', 'node', 'ERROR', 'size(it.id) > 4', '{id} is long', 'shorten')");
  const Outcome refused = sluice({"flow", "import", "-", "--publish"}, kGreeter);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("hello is long"));
  run_sql("select sluice.switch_validation_rule('long-id', false)");
  publish_greeter();
  run_sql("select sluice.switch_validation_rule('long-id', true)");
  const std::string in_sql =
      "select string_agg(severity || ' ' || rule || ' ' || path, ', ') "
      "from sluice.flow_definitions f, sluice.validate_flow(f.id)";
  EXPECT_EQ(value(in_sql), "WARNING long-id ") << "SQL has no CEL and no report yet";
  EXPECT_EQ(sluice({"flow", "validate", "greeter"}).code, 1);
  EXPECT_EQ(value(in_sql), "ERROR long-id nodes.hello") << "the stored report is the answer";
}

TEST_F(CliFlow, TestPlaysScenariosAndShowsTheFirstDifference) {
  const TextFile file(kGreeter);
  const Outcome passed = run_sluice({"flow", "test", file.path()});
  EXPECT_EQ(passed.code, 0) << passed.out << passed.err;
  EXPECT_THAT(passed.out, HasSubstr("passed Ada says her name"));
  EXPECT_THAT(passed.out, HasSubstr("1 passed, 0 failed"));

  std::string changed(kGreeter);
  changed.replace(changed.find("Bye, Ada"), 8, "Bye, Eve");
  const TextFile other(changed);
  const Outcome failed = run_sluice({"flow", "test", other.path()});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("FAILED Ada says her name, at step 2"));
  EXPECT_THAT(failed.out, HasSubstr("- Bye, Eve"));
  EXPECT_THAT(failed.out, HasSubstr("Bye, Ada."));
  const Outcome json = run_sluice({"flow", "test", other.path(), "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_TRUE(find(json.json()[0], "passed")->IsFalse());
}

TEST_F(CliFlow, TheExampleInTheTreePassesItsScenarios) {
  const Outcome outcome = run_sluice({"flow", "test", SLUICE_SOURCE_DIR "/examples/bookbot.json"});
  EXPECT_EQ(outcome.code, 0) << outcome.out << outcome.err;
}

TEST_F(CliFlow, GraphsAreDotOrSvg) {
  const TextFile file(kGreeter);
  EXPECT_THAT(run_sluice({"flow", "graph", file.path()}).out, StartsWith("digraph"));
  const Outcome svg = run_sluice({"flow", "graph", file.path(), "--svg"});
  EXPECT_EQ(svg.code, 0);
  EXPECT_THAT(svg.out, HasSubstr("<svg"));
  EXPECT_EQ(run_sluice({"flow", "graph", file.path(), "--svg", "--dot"}).code, 2);
}

TEST_F(CliFlow, FlowsOfOtherSystemsAreImported) {
  namespace fs = std::filesystem;
  const fs::path folder = SLUICE_SOURCE_DIR "/../shared/flows";
  if (!fs::exists(folder)) GTEST_SKIP() << "../shared/flows is not beside the source tree";
  for (const std::string format : {"typebot", "watson"}) {
    for (const auto& entry : fs::directory_iterator(folder / format)) {
      if (entry.path().extension() != ".json") continue;
      const Outcome outcome = good({"flow", "import", entry.path(), "--format", format, "--json"});
      EXPECT_NE(find(outcome.json(), "flow_id"), nullptr);
    }
  }
  EXPECT_THAT(
      good({"flow", "import", (folder / "typebot/lead-scoring.json").string(), "--format", "typebot", "--publish"}).out,
      HasSubstr("published version"));
  EXPECT_EQ(sluice({"flow", "import", (folder / "typebot/lead-scoring.json").string(), "--format", "watson"}).code, 1);
}

}  // namespace
}  // namespace sluice::test
