// FLOW 11's example, played from its start to its end with the revisions that FLOW promises.
#include "core/flow/scenario.h"
#include "core/flow/secrets.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

Json bookbot() {
  return j(R"({
    'name': 'bookbot', 'version': '1.0', 'entry_node_id': 'welcome',
    'settings': {'session_timeout': 86400, 'max_steps': 200},
    'variables': {'reading_level': {'type': 'string', 'default': 'beginner'}},
    'conditions': {'teen': {'and': [{'var': 'user.age', 'gte': 13}, {'var': 'user.age', 'lt': 18}]}},
    'nodes': [
      {'node_id': 'welcome', 'node_type': 'message', 'content': {'messages': [{'type': 'text', 'text': 'Hello!'}]}},
      {'node_id': 'ask_age', 'node_type': 'question',
       'content': {'question': 'How old are you?', 'input_type': 'number', 'variable': 'user.age',
                   'validation': {'required': true, 'min': 3, 'max': 120, 'error_message': 'A number, please.'}, 'timeout': 600}},
      {'node_id': 'by_age', 'node_type': 'condition',
       'content': {'conditions': [{'if': {'$ref': 'teen'}, 'then': 'profile'}], 'else': 'profile'}},
      {'node_id': 'profile', 'node_type': 'action',
       'content': {'actions': [{'type': 'set_variable', 'variable': 'greeting', 'value': 'Hi, you are {{user.age}}'}]}},
      {'node_id': 'books', 'node_type': 'webhook',
       'content': {'url': 'https://books.example.org/recommendations', 'method': 'POST',
                   'headers': {'Authorization': 'Bearer {{secret:books_token}}'},
                   'body': {'age': '{{user.age}}'}, 'timeout': 10, 'retry': {'attempts': 3, 'delay': 1, 'backoff': 2},
                   'response_mapping': {'books': '$.data.books', 'temp.count': '$.data.total'}}},
      {'node_id': 'bye', 'node_type': 'message', 'content': {'messages': [{'type': 'text', 'text': '{{temp.count}} books for you.'}]}}
    ],
    'connections': [
      {'source_node_id': 'welcome', 'target_node_id': 'ask_age', 'connection_type': 'default'},
      {'source_node_id': 'ask_age', 'target_node_id': 'by_age', 'connection_type': 'default'},
      {'source_node_id': 'ask_age', 'target_node_id': 'bye', 'connection_type': 'timeout'},
      {'source_node_id': 'profile', 'target_node_id': 'books', 'connection_type': 'success'},
      {'source_node_id': 'books', 'target_node_id': 'bye', 'connection_type': 'success'},
      {'source_node_id': 'books', 'target_node_id': 'bye', 'connection_type': 'failure'}
    ],
    'test_scenarios': [
      {'name': 'a teenager', 'mocks': {'books': {'status': 200, 'body': {'data': {'books': ['a'], 'total': 1}}}},
       'steps': [{'expect_node': 'ask_age', 'expect_text_contains': 'Hello'}, {'input': '15', 'expect_text_contains': '1 books'}]}
    ]})");
}

TEST(Bookbot, GoesThroughTheRevisionsOfTheContract) {
  const FlowSet flows = flow_set(bookbot());
  const Context context{.now = kNow};
  Session session;
  session.id = "s";
  session.started_at = kNow;
  session.current_node = "welcome";
  session.wait = j("{'for':'task','key':'s:welcome:1'}");
  ASSERT_EQ(session.revision, 1);

  auto started = std::get<Step>(step(flows, session, Start{}, context));
  EXPECT_EQ(started.session.revision, 2);
  EXPECT_EQ(started.session.current_node, "ask_age");
  EXPECT_EQ(string_member(started.session.wait, "for"), "input");
  EXPECT_EQ(string_member(started.session.wait, "key"), "s:ask_age:2");
  EXPECT_EQ(string_member(started.session.wait, "deadline"), "2026-03-04T00:10:00.000000Z");
  EXPECT_EQ(string_member(started.session.wait, "question"), "How old are you?");
  EXPECT_EQ(started.path, (std::vector<std::string>{"welcome", "ask_age"}));
  EXPECT_EQ(to_text(started.session.stack), "[]");
  EXPECT_EQ(to_text(started.session.state),
            R"({"user":{},"variables":{"reading_level":"beginner"},"context":{},"temp":{}})");

  auto answered = std::get<Step>(step(flows, started.session, Input{j("{'text':'15'}")}, context));
  EXPECT_EQ(answered.session.revision, 3);
  EXPECT_EQ(answered.path, (std::vector<std::string>{"by_age", "profile"}));
  ASSERT_TRUE(answered.task);
  EXPECT_EQ(answered.task->key, "s:profile:3");
  EXPECT_EQ(answered.task->kind, "action");
  EXPECT_EQ(to_text(*at_path(answered.session.state, "user.age")), "15");

  NodeRun profile(flows, answered.session, "s:profile:3", context);
  EXPECT_FALSE(profile.next_call());
  auto profiled = std::get<Step>(profile.finish(answered.session, context));
  EXPECT_EQ(profiled.session.revision, 4);
  ASSERT_TRUE(profiled.task);
  EXPECT_EQ(profiled.task->key, "s:books:4");
  EXPECT_EQ(profiled.task->kind, "webhook");
  EXPECT_EQ(string_member(*find(profiled.session.state, "variables"), "greeting"), "Hi, you are 15");

  NodeRun books(flows, profiled.session, "s:books:4", context);
  auto call = books.next_call();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "POST");
  EXPECT_EQ(call->body, R"({"age":15})");
  EXPECT_EQ(call->timeout, std::chrono::seconds(10));
  EXPECT_EQ(call->retry.attempts, 3);
  EXPECT_EQ(call->idempotency_key, "s:books:4");
  EXPECT_EQ(secret_keys(*call), std::vector<std::string>{"books_token"});
  HttpOutcome outcome;
  outcome.status = 200;
  outcome.body = R"({"data":{"books":["a","b"],"total":2}})";
  books.give(std::move(outcome));
  EXPECT_FALSE(books.next_call());
  auto ended = std::get<Step>(books.finish(profiled.session, context));
  EXPECT_EQ(ended.session.revision, 5);
  EXPECT_EQ(ended.session.status, Status::kCompleted);
  EXPECT_EQ(ended.session.current_node, "bye");
  EXPECT_TRUE(ended.session.wait.IsNull());
  ASSERT_EQ(ended.messages.size(), 1U);
  EXPECT_EQ(string_member(ended.messages[0].content, "text"), "2 books for you.");
  EXPECT_EQ(shown_at(ended.session.state, "variables.books"), "['a','b']");
}

TEST(Bookbot, AWrongAnswerAsksAgainAndCounts) {
  Talk talk(flow_set(bookbot()));
  talk.start().say("'old'");
  EXPECT_EQ(talk.texts, (std::vector<std::string>{"A number, please.", "How old are you?"}));
  EXPECT_EQ(talk.state("temp.attempts"), "1");
  talk.say("200");
  EXPECT_EQ(talk.state("temp.attempts"), "2");
  EXPECT_EQ(talk.session().revision, 4);
}

TEST(Bookbot, TheDeadlineTakesTheTimeoutEdge) {
  Talk talk(flow_set(bookbot()));
  talk.start().wait();
  EXPECT_EQ(talk.node(), "bye");
  EXPECT_EQ(talk.status(), "completed");
}

TEST(Bookbot, ItsOwnScenarioPasses) {
  const Json document = bookbot();
  const auto results = run_scenarios(flow_set(document), document);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].steps, 2U);
  for (const auto& difference : results[0].differences) {
    ADD_FAILURE() << difference.what << ": expected " << difference.expected << ", got " << difference.actual;
  }
}

TEST(Bookbot, AScenarioThatDiffersSaysWhereFirst) {
  Json document = bookbot();
  set(document["test_scenarios"][0]["steps"][1], "expect_node", std::string_view("ask_age"));
  const auto results = run_scenarios(flow_set(document), document);
  ASSERT_EQ(results[0].differences.size(), 1U);
  EXPECT_EQ(results[0].differences[0].step, 1U);
  EXPECT_EQ(results[0].differences[0].what, "expect_node");
  EXPECT_EQ(results[0].differences[0].actual, "bye");
}

}  // namespace
}  // namespace sluice::flow
