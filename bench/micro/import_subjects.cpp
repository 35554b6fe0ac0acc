// Import and validation of a flow of 380 nodes (goal: at most 50 ms together): one that is made here, and the bank of
// the shared flows where they are beside the source tree.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "bench/micro/subject.h"
#include "core/flow/import/import.h"
#include "core/flow/validate/validate.h"

namespace sluice::bench {
namespace {

// Ten-node rounds of question, condition, action, webhook and messages.
Json made_flow(int nodes) {
  std::string list;
  std::string edges;
  for (int i = 0; i < nodes; ++i) {
    const char* contents[] = {
        R"("question","content":{{"question":"What of {{{{user.name}}}}, {0}?","input_type":"choice","variable":"v{0}","options":["a","b","c"],"timeout":60}})",
        R"("condition","content":{{"conditions":[{{"if":"variables.v{0} == 'a' && user.age >= 13","then":"$0"}},{{"if":{{"var":"v{0}","in":["b","c"]}},"then":"$1"}}]}})",
        R"("action","content":{{"actions":[{{"type":"set_variable","variable":"w{0}","value":"{{{{variables.v{0}}}}}"}},{{"type":"calculate","variable":"n{0}","expression":"user.age * 2 + {0}"}}]}})",
        R"("webhook","content":{{"url":"https://x.example/{{{{variables.w{0}}}}}","method":"POST","headers":{{"Authorization":"Bearer {{{{secret:k}}}}"}},"body":{{"n":"{{{{variables.n{0}}}}}"}},"response_mapping":{{"temp.r{0}":"$.data.r"}},"timeout":10}})",
        R"("message","content":{{"messages":[{{"type":"text","text":"Got {{{{temp.r{0}}}}}"}},{{"type":"image","url":"https://x.example/{0}.png"}}]}})"};
    list += fmt::format(R"({}{{"node_id":"n{}","node_type":)", i == 0 ? "" : ",", i) +
            fmt::format(fmt::runtime(contents[i % 5]), i) + "}";
    const auto edge = [&](int to, const char* label) {
      edges += fmt::format(R"({}{{"source_node_id":"n{}","target_node_id":"n{}","connection_type":"{}"}})",
                           edges.empty() ? "" : ",", i, to % nodes, label);
    };
    edge(i + 1, i % 5 == 1 ? "$0" : "default");
    if (i % 5 == 0) edge(i, "timeout");
    if (i % 5 == 1) edge(i + 2, "$1");
    if (i % 5 == 3) edge(i + 1, "failure");
  }
  return std::move(*parse_json(R"({"name":"made","version":"1","entry_node_id":"n0","nodes":[)" + list +
                               R"(],"connections":[)" + edges + "]}"));
}

Json bank() {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/flows/watson/bank_simple_workspace.json");
  std::stringstream text;
  text << file.rdbuf();
  auto document = parse_json(text.str());
  return document ? std::move(*document) : Json();
}

std::function<void()> imports(Json document, flow::Format format) {
  if (document.IsNull()) return {};
  auto shared = std::make_shared<const Json>(std::move(document));
  return [shared, format] {
    const flow::Imported imported = flow::import_flow(*shared, format);
    benchmark::DoNotOptimize(flow::validate(imported.flow));
  };
}

}  // namespace

std::vector<Subject> import_subjects() {
  return {{"import/made_380", [] { return imports(made_flow(380), flow::Format::kSluice); }},
          {"import/watson_bank", [] { return imports(bank(), flow::Format::kWatson); }}};
}

}  // namespace sluice::bench
