// The engine's steps on a flow like the bookbot (goal: at most 20 µs a step).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "bench/micro/subject.h"
#include "core/flow/engine.h"

namespace {

using namespace sluice;
using flow::Context;
using flow::FlowSet;
using flow::NodeRun;
using flow::Session;
using flow::Step;

// JSON with ' for ".
Json j(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return std::move(*parse_json(text));
}

const FlowSet& bookbot() {
  static const FlowSet kFlows{.main = flow::Flow::from_json(j(R"({
    'name': 'bookbot', 'entry_node_id': 'welcome',
    'conditions': {'teen': {'and': [{'var': 'user.age', 'gte': 13}, {'var': 'user.age', 'lt': 18}]}},
    'nodes': [
      {'node_id': 'welcome', 'node_type': 'message', 'content': {'messages': [{'type': 'text', 'text': 'Hello {{user.name}}!'}]}},
      {'node_id': 'ask_age', 'node_type': 'question', 'content': {'question': 'How old are you?', 'input_type': 'number',
       'variable': 'user.age', 'validation': {'required': true, 'min': 3, 'max': 120}, 'timeout': 600}},
      {'node_id': 'by_age', 'node_type': 'condition', 'content': {'conditions': [{'if': {'$ref': 'teen'}, 'then': 'profile'}], 'else': 'profile'}},
      {'node_id': 'profile', 'node_type': 'action', 'content': {'actions': [
        {'type': 'set_variable', 'variable': 'greeting', 'value': 'Hi, you are {{user.age}}'},
        {'type': 'calculate', 'variable': 'score', 'expression': 'user.age * 2 + 1'}]}},
      {'node_id': 'books', 'node_type': 'webhook', 'content': {'url': 'https://books.example.org/for/{{user.age}}', 'method': 'POST',
       'headers': {'Authorization': 'Bearer {{secret:t}}'}, 'body': {'age': '{{user.age}}'}, 'response_mapping': {'books': '$.data.books', 'temp.count': '$.data.total'}}},
      {'node_id': 'bye', 'node_type': 'message', 'content': {'messages': [{'type': 'text', 'text': '{{temp.count}} books for you.'}]}}],
    'connections': [
      {'source_node_id': 'welcome', 'target_node_id': 'ask_age'}, {'source_node_id': 'ask_age', 'target_node_id': 'by_age'},
      {'source_node_id': 'profile', 'target_node_id': 'books', 'connection_type': 'success'},
      {'source_node_id': 'books', 'target_node_id': 'bye', 'connection_type': 'success'}]})")),
                              .subflows = {},
                              .pins = {}};
  return kFlows;
}

constexpr Context kContext{.now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 4)};

Session fresh() {
  Session session;
  session.id = "8b0ff24c-6f0f-4a57-9a4c-1b1d3b6f1d0e";
  session.state = j("{'user':{'name':'Ann'}}");
  return session;
}

Step started() {
  return std::get<Step>(flow::step(bookbot(), fresh(), flow::Start{}, kContext));
}
Step answered() {
  return std::get<Step>(flow::step(bookbot(), started().session, flow::Input{j("{'text':'15'}")}, kContext));
}

Step finished(const Session& session, std::string body) {
  NodeRun run(bookbot(), session, std::string(string_member(session.wait, "key")), kContext);
  if (run.next_call()) {
    flow::HttpOutcome outcome;
    outcome.status = 200;
    outcome.body = std::move(body);
    run.give(std::move(outcome));
  }
  return std::get<Step>(run.finish(session, kContext));
}

}  // namespace

namespace sluice::bench {

std::vector<Subject> engine_subjects() {
  const auto of = [](auto make_session, auto run) {
    return [make_session, run]() -> std::function<void()> {
      const auto session = std::make_shared<const Session>(make_session());
      return [session, run] { run(*session); };
    };
  };
  return {
      {"engine/start", of(fresh,
                          [](const Session& session) {
                            benchmark::DoNotOptimize(flow::step(bookbot(), session, flow::Start{}, kContext));
                          })},
      {"engine/input", of([] { return started().session; },
                          [](const Session& session) {
                            benchmark::DoNotOptimize(
                                flow::step(bookbot(), session, flow::Input{j("{'text':'15'}")}, kContext));
                          })},
      {"engine/action", of([] { return answered().session; },
                           [](const Session& session) { benchmark::DoNotOptimize(finished(session, "")); })},
      {"engine/webhook", of([] { return finished(answered().session, "").session; },
                            [](const Session& session) {
                              benchmark::DoNotOptimize(finished(session, R"({"data":{"books":["a","b"],"total":2}})"));
                            })},
  };
}

}  // namespace sluice::bench
