// sluice flow validate, test, graph: what can be told of a flow without running it.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/flow_document.h"
#include "cli/report.h"
#include "cli/table.h"
#include "core/flow/graph.h"
#include "core/flow/scenario.h"

namespace sluice::cli {
namespace {

// A file is judged by itself; a stored flow together with the others.
CheckedFlow check_given(const Invocation& invocation, const std::string& given) {
  flow::ValidateOptions options;
  add_rules_of(invocation, options);
  if (is_file(given)) return check_flow(read_document(given), format_of(invocation), {}, std::move(options));
  Database database(invocation);
  return check_stored(database, stored_flow_id(database, given), std::move(options));
}

ExitCode run_validate(Invocation& invocation) {
  const CheckedFlow checked = check_given(invocation, invocation.argument(0));
  const bool good = !checked.broken && !checked.lossy;
  if (invocation.json()) {
    print_json(to_json(checked.report));
  } else {
    print_report(stdout, checked.report);
    fmt::print("{}: {}\n", printable(string_member(checked.flow, "name")), in_numbers(checked.report));
  }
  return good ? ExitCode::kGood : ExitCode::kFailed;
}

// The document as the engine runs it; what keeps it from running is reported.
Json runnable(const Invocation& invocation, const std::string& file) {
  CheckedFlow checked = check_flow(read_document(file), format_of(invocation));
  if (!checked.broken) return std::move(checked.flow);
  print_report(stderr, checked.report);
  throw Error(fmt::format("{} cannot be run: {}", file, in_numbers(checked.report)),
              "sluice flow validate shows the whole report");
}

Json in_json(const flow::ScenarioResult& result) {
  Json entry = make_object();
  set(entry, "name", result.name);
  set(entry, "passed", Json(result.differences.empty()));
  set(entry, "steps", Json(static_cast<std::uint64_t>(result.steps)));
  Json differences = make_array();
  for (const flow::Difference& difference : result.differences) {
    Json each = make_object();
    set(each, "step", Json(static_cast<std::uint64_t>(difference.step)));
    set(each, "what", difference.what);
    set(each, "expected", difference.expected);
    set(each, "actual", difference.actual);
    push(differences, std::move(each));
  }
  set(entry, "differences", std::move(differences));
  Json transcript = make_array();
  for (const std::string& line : result.transcript) push(transcript, make_string(line));
  set(entry, "transcript", std::move(transcript));
  return entry;
}

void print_result(const flow::ScenarioResult& result) {
  const bool colour = takes_colour(stdout);
  if (result.differences.empty()) {
    fmt::print("{} {} ({} steps)\n", inked("passed", Ink::kGood, colour), printable(result.name), result.steps);
    return;
  }
  fmt::print("{} {}, at step {}\n", inked("FAILED", Ink::kBad, colour), printable(result.name),
             result.differences.front().step + 1);
  for (const std::string& line : result.transcript) fmt::print("    {}\n", inked(printable(line), Ink::kDim, colour));
  for (const flow::Difference& difference : result.differences) {
    fmt::print("  {}\n", difference.what);
    fmt::print("  {}\n", inked("- " + printable(difference.expected), Ink::kBad, colour));
    fmt::print("  {}\n", inked("+ " + printable(difference.actual), Ink::kGood, colour));
  }
}

ExitCode run_test(Invocation& invocation) {
  const Json document = runnable(invocation, invocation.argument(0));
  flow::FlowSet flows;
  flows.main = flow::Flow::from_json(document);
  for (std::size_t i = 1; i < invocation.line.arguments.size(); ++i) {
    const Json other = runnable(invocation, invocation.argument(i));
    flows.subflows.emplace(string_member(other, "name"), flow::Flow::from_json(other));
  }
  const std::vector<flow::ScenarioResult> results = flow::run_scenarios(flows, document);
  if (results.empty())
    throw Error(fmt::format("flow '{}' has no test_scenarios", flows.main->name),
                "add a list of {\"name\", \"steps\", \"mocks\"} to the document");
  std::size_t failed = 0;
  Json list = make_array();
  for (const flow::ScenarioResult& result : results) {
    if (!result.differences.empty()) ++failed;
    if (invocation.json()) {
      push(list, in_json(result));
    } else {
      print_result(result);
    }
  }
  if (invocation.json()) {
    print_json(list);
  } else {
    fmt::print("{} passed, {} failed\n", results.size() - failed, failed);
  }
  return failed == 0 ? ExitCode::kGood : ExitCode::kFailed;
}

ExitCode run_graph(Invocation& invocation) {
  if (invocation.has("svg") && invocation.has("dot"))
    throw UsageError("--svg and --dot are two pictures: give one of them");
  const CheckedFlow checked = check_given(invocation, invocation.argument(0));
  fmt::print("{}", invocation.has("svg") ? flow::to_svg(checked.flow) : flow::to_dot(checked.flow));
  return ExitCode::kGood;
}

constexpr Flag kFormatFlag{"format", "FORMAT", "of a file: sluice (default), typebot, watson, landbot or rapidpro"};
constexpr Flag kValidateFlags[] = {
    kFormatFlag, {"rules", "FILE", "JSON list of rules to add or to switch off (docs/validation.md)"}, kJsonFlag};
constexpr Flag kTestFlags[] = {kFormatFlag, kJsonFlag};
constexpr Flag kGraphFlags[] = {{"dot", "", "DOT text for Graphviz (default)"},
                                {"svg", "", "an SVG picture that needs no other tool"},
                                kFormatFlag};

constexpr Command kCommands[] = {
    {"flow validate", "FILE|FLOW", "check a flow and report what is wrong",
     "A file needs no database; without such a file, the stored flow of that name or id is checked. ERROR keeps a flow "
     "from being\n"
     "published and makes the exit code 1, WARNING and INFO do not. A stored flow is also judged by the rules of the "
     "table\n"
     "sluice.validation_rules, and its report is kept for sluice.validate_flow. Examples:\n\n"
     "  sluice flow validate examples/bookbot.json\n"
     "  sluice flow validate bookbot.json --rules house_rules.json\n"
     "  sluice flow validate bookbot --json | jq '.[] | select(.severity == \"ERROR\")'\n",
     kValidateFlags, run_validate},
    {"flow test", "FILE [SUBFLOW_FILE...]", "play a flow's own test_scenarios on the engine",
     "No database and no network: the scenarios' mocks answer requests. Of the first step that differs, a diff is "
     "shown. Flows that\n"
     "its composites call by name are given as further files. Example:\n\n"
     "  sluice flow test examples/bookbot.json\n",
     kTestFlags, run_test},
    {"flow graph", "FILE|FLOW", "draw a flow",
     "Examples:\n\n"
     "  sluice flow graph bookbot --svg > bookbot.svg\n"
     "  sluice flow graph examples/bookbot.json | dot -Tpng > bookbot.png\n",
     kGraphFlags, run_graph},
};

}  // namespace

std::span<const Command> flow_file_commands() {
  return kCommands;
}

}  // namespace sluice::cli
