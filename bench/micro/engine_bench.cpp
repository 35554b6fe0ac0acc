// The engine's steps on a flow like the bookbot (goal: at most 20 µs a step).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>

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

const Context kContext{.now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 4)};

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

void start(benchmark::State& state) {
  const Session session = fresh();
  for (auto _ : state) benchmark::DoNotOptimize(flow::step(bookbot(), session, flow::Start{}, kContext));
}
BENCHMARK(start);

void input(benchmark::State& state) {
  const Session session = started().session;
  const Json text = j("{'text':'15'}");
  for (auto _ : state) benchmark::DoNotOptimize(flow::step(bookbot(), session, flow::Input{clone(text)}, kContext));
}
BENCHMARK(input);

void action(benchmark::State& state) {
  const Session session = answered().session;
  for (auto _ : state) benchmark::DoNotOptimize(finished(session, ""));
}
BENCHMARK(action);

void webhook(benchmark::State& state) {
  const Session session = finished(answered().session, "").session;
  for (auto _ : state) benchmark::DoNotOptimize(finished(session, R"({"data":{"books":["a","b"],"total":2}})"));
}
BENCHMARK(webhook);

}  // namespace
