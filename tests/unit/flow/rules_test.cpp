// The rules of FLOW, one test each, named after what it says.
#include "core/base/errors.h"
#include "core/flow/session.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

const char* kHello = "{'text':'hello'}";

// FLOW 1

TEST(Model, AnUnknownTypeIsAnError) {
  FlowText flow;
  flow.node("a", "dance");
  EXPECT_THROW((void)flow_set(flow.document()), Error);
}

TEST(Model, AnEdgeToNowhereIsAnError) {
  FlowText flow;
  flow.node("a", "message", kHello).edge("a", "b");
  EXPECT_THROW((void)flow_set(flow.document()), Error);
}

TEST(Model, EdgesWithConditionsAreTriedByPriorityAndTheOneWithoutIsLast) {
  FlowText flow;
  flow.node("a", "question", "{'question':'n?','input_type':'number','variable':'n'}")
      .node("none", "message", kHello)
      .node("late", "message", kHello)
      .node("soon", "message", kHello)
      .edge("a", "none")
      .edge("a", "late", "default", "'conditions':{'var':'n','gt':0},'info':{'priority':2}")
      .edge("a", "soon", "default", "'condition':'variables.n > 10','info':{'priority':1}");
  EXPECT_EQ(Talk(flow).start().say("11").node(), "soon");
  EXPECT_EQ(Talk(flow).start().say("5").node(), "late");
  EXPECT_EQ(Talk(flow).start().say("-5").node(), "none");
}

TEST(Model, ErrorAndCompleteAreLabelAliasesInAnyCase) {
  FlowText flow;
  flow.node("a", "message", kHello).node("b", "message", kHello).edge("a", "b", "Complete");
  EXPECT_EQ(Talk(flow).start().node(), "b");
  FlowText failing;
  failing.node("a", "webhook", "{'url':'https://x.example/'}").node("bad", "message", kHello).edge("a", "bad", "ERROR");
  EXPECT_EQ(Talk(failing).answers(404, "").start().node(), "bad");
}

// FLOW 2

TEST(Session, EveryStepRaisesTheRevisionByOne) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?'}")
      .node("b", "question", "{'question':'?'}")
      .edge("a", "b")
      .edge("b", "a");
  Talk talk(flow);
  talk.start();
  for (int revision = 2; revision < 10; ++revision) {
    EXPECT_EQ(talk.session().revision, revision);
    EXPECT_EQ(string_member(talk.session().wait, "key"), wait_key(talk.session().id, talk.node(), revision));
    talk.say("'x'");
  }
}

TEST(Session, TheViewIsReadOnlyAndNotStored) {
  FlowText flow;
  flow.node("m", "message", "{'text':'{{session.current_node}} {{session.status}} {{session.started_at}}'}")
      .node("a", "action", "{'actions':[{'type':'set_variable','variable':'session.id','value':1}]}")
      .edge("m", "a");
  Talk talk(flow);
  talk.start();
  EXPECT_EQ(talk.steps[0].messages[0].content["text"], "m active 2026-03-04T00:00:00.000000Z");
  EXPECT_EQ(talk.state("session"), "-");
  EXPECT_EQ(talk.info("last_error.message"), "'action 1 (set_variable): cannot set session.id: session is read-only'");
}

TEST(Session, ItsHistoryIsTheNodesItEntered) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?'}").node("b", "message", "{'text':'{{session.history}}'}").edge("a", "b");
  EXPECT_EQ(Talk(flow).start().say("'x'").texts.back(), R"(["a","b"])");
}

TEST(Session, TimeArrivesAsContextNowAndIsNotStored) {
  const Json document =
      json(R"j({"name":"t","entry_node_id":"c","nodes":[{"node_id":"c","node_type":"condition","content":{"conditions":
      [{"if":"timestamp(context.now) > timestamp('2026-01-01T00:00:00Z')","then":"yes"}]}},{"node_id":"yes","node_type":"message","content":{"text":"hi"}}]})j");
  Talk talk(flow_set(document));
  EXPECT_EQ(talk.start().node(), "yes");
  EXPECT_EQ(talk.state("context"), "{}");
}

TEST(Session, StateAboveOneMebibyteIsRefusedWithTheLimit) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?','variable':'big'}")
      .node("bad", "message", kHello)
      .edge("a", "bad", "failure");
  const auto with = [&](std::size_t bytes) {
    Json state = make_object();
    set(set(state, "user", make_object()), "held", std::string(bytes, 'x'));
    return Talk(flow_set(flow.document()), std::move(state));
  };
  Talk measured = with(0);
  const std::size_t rest = to_text(measured.start().say("'y'").session().state).size();
  constexpr std::size_t kPassing = 2000;  // more than what is in the state only while it is judged, such as the time
  Talk just = with((1U << 20U) - rest - kPassing);
  EXPECT_EQ(just.start().say("'y'").state("variables.big"), "'y'");
  Talk talk = with((1U << 20U) - rest + 1);
  talk.start().say("'y'");
  EXPECT_EQ(talk.node(), "bad");
  EXPECT_NE(talk.info("last_error.message").find("1 MiB"), std::string::npos);
  EXPECT_EQ(talk.state("variables.big"), "-");
}

TEST(Session, DeclaredVariablesHaveDefaultsAndTypes) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?','variable':'n'}")
      .node("bad", "message", kHello)
      .edge("a", "bad", "failure")
      .with("'variables':{'n':{'type':'number','default':7},'s':{'type':'string'}}");
  Talk talk(flow);
  EXPECT_EQ(talk.start().state("variables"), "{'n':7}");
  EXPECT_EQ(Talk(flow).start().say("'12'").state("variables.n"), "12");
  talk.say("'dozen'");
  EXPECT_EQ(talk.node(), "bad");
  EXPECT_EQ(talk.state("variables.n"), "7");
  EXPECT_EQ(Talk(flow, j("{'variables':{'n':1}}")).start().state("variables.n"), "1");
}

TEST(Session, DefaultsAboveOneMebibyteEndIt) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?'}")
      .with("'variables':{'b':{'default':'" + std::string(600'000, 'x') + "'}}");
  Json state = make_object();
  set(set(state, "user", make_object()), "big", std::string(600'000, 'x'));
  Talk talk(flow_set(flow.document()), std::move(state));
  EXPECT_EQ(talk.start().status(), "abandoned");
  EXPECT_NE(talk.info("reason").find("1 MiB"), std::string::npos);
}

TEST(Session, AnIdleSessionIsAbandonedAndAnEndedOneTakesNothing) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?'}");
  const FlowSet flows = flow_set(flow.document());
  Talk talk(flow);
  talk.start();
  const auto ended = std::get<Step>(step(flows, talk.session(), Abandon{}, {.now = kNow}));
  EXPECT_EQ(ended.session.status, Status::kAbandoned);
  EXPECT_EQ(ended.session.revision, 3);
  EXPECT_TRUE(ended.session.wait.IsNull());
  EXPECT_TRUE(ended.session.info.HasMember("reason"));
  EXPECT_EQ(std::get<Discarded>(step(flows, ended.session, Input{Json("x")}, {.now = kNow})).reason,
            "the session is abandoned");
}

// FLOW 3

TEST(Step, TooManyNodesTakeTheFallbackOnceAndThenAbandon) {
  FlowText flow;
  flow.node("a", "message", kHello).node("b", "message", kHello).edge("a", "b").edge("b", "a");
  Talk talk(flow);
  talk.start();
  EXPECT_EQ(talk.status(), "abandoned");
  EXPECT_EQ(talk.steps[0].path.size(), 200U);
  EXPECT_NE(talk.info("reason").find("max_steps"), std::string::npos);
  flow.node("sorry", "question", "{'question':'sorry'}")
      .edge("sorry", "a")
      .with("'settings':{'max_steps':10,'fallback_node':'sorry'}");
  Talk again(flow);
  EXPECT_EQ(again.start().node(), "sorry");
  EXPECT_EQ(again.say("'x'").status(), "abandoned");
}

TEST(Step, TooManyInputsTakeTheFallbackOnceAndThenAbandon) {
  FlowText flow;
  flow.node("a", "question", "{'question':'?'}")
      .node("sorry", "question", "{'question':'sorry'}")
      .edge("a", "a")
      .edge("sorry", "sorry")
      .with("'settings':{'max_turns':2,'fallback_node':'sorry'}");
  Talk talk(flow);
  EXPECT_EQ(talk.start().say("'1'").say("'2'").node(), "a");
  EXPECT_EQ(talk.say("'3'").node(), "sorry");
  EXPECT_EQ(talk.status(), "active");
  EXPECT_EQ(talk.say("'4'").status(), "abandoned");
}

TEST(Step, TasksThatLeadInACircleAreStopped) {
  FlowText flow;
  flow.node("a", "action", "{'actions':[{'type':'increment','variable':'n'}]}").edge("a", "a");
  Talk talk(flow);
  talk.start();
  EXPECT_EQ(talk.status(), "abandoned");
  EXPECT_EQ(talk.state("variables.n"), "200");
  EXPECT_EQ(talk.info("reason"), "'more than 200 tasks without an input (settings.max_steps)'");
  flow.node("sorry", "question", "{'question':'sorry'}")
      .edge("sorry", "a")
      .with("'settings':{'max_steps':5,'fallback_node':'sorry'}");
  Talk again(flow);
  EXPECT_EQ(again.start().node(), "sorry");
  EXPECT_EQ(again.state("variables.n"), "5");
  EXPECT_EQ(again.say("'x'").status(), "abandoned");
  EXPECT_EQ(again.state("variables.n"), "10");
}

TEST(Step, AnInputBetweenTasksBeginsTheCountAnew) {
  FlowText flow;
  flow.node("a", "action", "{'actions':[]}")
      .node("q", "question", "{'question':'?'}")
      .edge("a", "q")
      .edge("q", "a")
      .with("'settings':{'max_steps':3}");
  Talk talk(flow);
  talk.start();
  for (int turn = 0; turn < 10; ++turn) talk.say("'x'");
  EXPECT_EQ(talk.node(), "q");
  EXPECT_EQ(talk.info("tasks_in_a_row"), "1");
}

TEST(Step, ThePathIsKeptForTheEventOfItsRevision) {
  FlowText flow;
  flow.node("a", "message", kHello)
      .node("b", "message", kHello)
      .node("q", "question", "{'question':'?','input_type':'number'}")
      .edge("a", "b")
      .edge("b", "q");
  Talk talk(flow);
  EXPECT_EQ(talk.start().info("path"), "[2,'a','b','q']");
  EXPECT_EQ(talk.say("'asked again'").info("path"), "-");
}

TEST(Step, AnInputWhileATaskIsPendingIsDiscarded) {
  FlowText flow;
  flow.node("a", "action", "{'actions':[]}");
  const FlowSet flows = flow_set(flow.document());
  Session session;
  session.id = "s";
  const auto waiting = std::get<Step>(step(flows, session, Start{}, {.now = kNow}));
  EXPECT_EQ(std::get<Discarded>(step(flows, waiting.session, Input{Json("x")}, {.now = kNow})).reason,
            "the session waits for task (s:a:2)");
}

TEST(Step, HistoryHasOneRowPerMessageInputAndActionInOrder) {
  FlowText flow;
  flow.node("q", "question", "{'question':'?','variable':'x'}")
      .node("a", "action", "{'actions':[{'type':'increment','variable':'n'}]}")
      .node("m", "message", kHello)
      .edge("q", "a")
      .edge("a", "m");
  Talk talk(flow);
  talk.start().say("{'text':'raw <b>'}");
  std::string kinds;
  for (const Step& step : talk.steps) {
    for (const HistoryRow& row : step.history) kinds += row.node_id + "/" + row.interaction_type + " ";
  }
  EXPECT_EQ(kinds, "q/input a/action m/message ");
  EXPECT_EQ(talk.state("variables.x"), "'raw <b>'");
}

// FLOW 5

TEST(ConditionNode, FirstMatchWinsAndElseComesLast) {
  const auto at = [](const std::string& state) {
    FlowText flow;
    flow.node("c", "condition",
              "{'conditions':[{'if':{'var':'user.n','eq':1},'then':'$0'},{'if':{'var':'user.n','gte':1},'then':'big'}],"
              "'else':'other'}")
        .node("one", "message", kHello)
        .node("big", "message", kHello)
        .node("other", "message", kHello)
        .edge("c", "one", "$0");
    return Talk(flow, j(state)).start().node();
  };
  EXPECT_EQ(at("{'user':{'n':1}}"), "one");
  EXPECT_EQ(at("{'user':{'n':2}}"), "big");
  EXPECT_EQ(at("{}"), "other");
}

TEST(ConditionNode, ElseInsideAnEntryIsTakenWhenItIsFalse) {
  FlowText flow;
  flow.node("c", "condition",
            "{'conditions':[{'if':{'var':'user.n','eq':1},'then':'a','else':'b'},{'if':{'and':[]},'then':'a'}]}")
      .node("a", "message", kHello)
      .node("b", "message", kHello);
  EXPECT_EQ(Talk(flow).start().node(), "b");
}

TEST(ConditionNode, ALabelComesBeforeANodeOfThatNameAndTheDefaultPathLast) {
  FlowText flow;
  flow.node("c", "condition", "{'conditions':[{'if':{'var':'user.n','eq':1},'then':'success'}],'default_path':'rest'}")
      .node("success", "message", kHello)
      .node("other", "message", kHello)
      .node("rest", "message", kHello);
  EXPECT_EQ(Talk(flow, j("{'user':{'n':1}}")).start().node(), "success");
  EXPECT_EQ(Talk(flow, j("{'user':{'n':2}}")).start().node(), "rest");
  flow.edge("c", "other", "success");
  EXPECT_EQ(Talk(flow, j("{'user':{'n':1}}")).start().node(), "other");
}

TEST(ConditionNode, WithoutAnythingItTakesDefault) {
  FlowText flow;
  flow.node("c", "condition", "{'conditions':[{'if':{},'then':'a'}]}")
      .node("a", "message", kHello)
      .node("b", "message", kHello)
      .edge("c", "b");
  EXPECT_EQ(Talk(flow).start().node(), "b");
}

// FLOW 8

TEST(Webhook, WithoutSuccessOrFallbackTakesFailure) {
  FlowText flow;
  flow.node("w", "webhook", "{'url':'https://x.example/','response_mapping':{'a':'$.a'}}")
      .node("good", "message", kHello)
      .node("bad", "message", kHello)
      .edge("w", "good", "success")
      .edge("w", "bad", "failure");
  EXPECT_EQ(Talk(flow).answers(201, "{\"a\":1}").start().node(), "good");
  EXPECT_EQ(Talk(flow).answers(500, "{\"a\":1}").start().node(), "bad");
  EXPECT_EQ(Talk(flow).fails("connect").start().node(), "bad");
  EXPECT_EQ(Talk(flow).fails("connect").start().info("last_error.message"), "'no response: connect'");
}

TEST(Webhook, AFallbackResponseIsMappedAndTakesSuccess) {
  FlowText flow;
  flow.node("w", "webhook", "{'url':'https://x.example/','response_mapping':{'a':'$.a'},'fallback_response':{'a':[]}}")
      .node("good", "message", kHello)
      .edge("w", "good", "success");
  Talk talk(flow);
  talk.fails("timeout").start();
  EXPECT_EQ(talk.node(), "good");
  EXPECT_EQ(talk.state("variables.a"), "[]");
}

TEST(Webhook, LimitsHaveDefaultsAndBounds) {
  const auto call = [](const std::string& more) {
    FlowText flow;
    flow.node("w", "webhook", "{'url':'https://x.example/'" + more + "}");
    Talk talk(flow);
    talk.answers(200, "").start();
    return talk.calls.at(0);
  };
  const HttpCall plain = call("");
  EXPECT_EQ(plain.method, "GET");
  EXPECT_EQ(plain.timeout, std::chrono::seconds(30));
  EXPECT_EQ(plain.retry.attempts, 1);
  EXPECT_EQ(plain.breaker.failures, 5);
  EXPECT_EQ(plain.breaker.window, 20);
  EXPECT_EQ(plain.breaker.span, std::chrono::seconds(60));
  EXPECT_EQ(plain.breaker_key, "");
  EXPECT_FALSE(plain.has_fallback);
  EXPECT_EQ(call(",'timeout':0.1").timeout, std::chrono::seconds(1));
  EXPECT_EQ(call(",'timeout':900").timeout, std::chrono::seconds(300));
  EXPECT_EQ(call(",'body':{}").method, "POST");
  const HttpCall own = call(
      ",'circuit_breaker':{'key':'books','failures':2,'window':4,'within':9,'open':7},'fallback_response':{},"
      "'retry':{'attempts':4,'delay':0.5,'backoff':3}");
  EXPECT_EQ(own.breaker_key, "books");
  EXPECT_EQ(own.breaker.failures, 2);
  EXPECT_EQ(own.breaker.window, 4);
  EXPECT_EQ(own.breaker.span, std::chrono::seconds(9));
  EXPECT_EQ(own.breaker.open, std::chrono::seconds(7));
  EXPECT_TRUE(own.has_fallback);
  EXPECT_EQ(own.retry.attempts, 4);
  EXPECT_EQ(own.retry.delay, std::chrono::milliseconds(500));
  EXPECT_EQ(own.retry.backoff, 3);
}

TEST(Webhook, OnlyWhatMayPassIsTriedAgain) {
  HttpOutcome outcome;
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    outcome.status = status;
    EXPECT_TRUE(NodeRun::may_pass(outcome)) << status;
  }
  for (const int status : {200, 301, 400, 401, 403, 404, 409, 410, 422}) {
    outcome.status = status;
    EXPECT_FALSE(NodeRun::may_pass(outcome)) << status;
  }
  outcome.status = 0;
  outcome.error = "connect";
  EXPECT_TRUE(NodeRun::may_pass(outcome));
  outcome.error = "refused_address";
  EXPECT_FALSE(NodeRun::may_pass(outcome));
}

TEST(Webhook, ATimeoutTakesTheTimeoutEdgeWhenThereIsOne) {
  FlowText flow;
  flow.node("w", "webhook", "{'url':'https://x.example/'}")
      .node("slow", "message", kHello)
      .node("bad", "message", kHello)
      .edge("w", "slow", "timeout")
      .edge("w", "bad", "failure");
  EXPECT_EQ(Talk(flow).fails("timeout").start().node(), "slow");
  EXPECT_EQ(Talk(flow).fails("connect").start().node(), "bad");
}

TEST(Task, ALateResultAfterTheDeadlineIsDiscarded) {
  FlowText flow;
  flow.node("w", "webhook", "{'url':'https://x.example/','timeout':5}")
      .node("slow", "question", "{'question':'?'}")
      .edge("w", "slow", "timeout");
  const FlowSet flows = flow_set(flow.document());
  Session session;
  session.id = "s";
  const auto waiting = std::get<Step>(step(flows, session, Start{}, {.now = kNow}));
  ASSERT_TRUE(waiting.deadline);
  NodeRun run(flows, waiting.session, "s:w:2", {.now = kNow});
  ASSERT_TRUE(run.next_call());
  const auto late = std::get<Step>(step(flows, waiting.session, Timeout{"s:w:2"}, {.now = *waiting.deadline}));
  EXPECT_EQ(late.session.current_node, "slow");
  HttpOutcome outcome;
  outcome.status = 200;
  run.give(outcome);
  EXPECT_EQ(std::get<Discarded>(run.finish(late.session, {.now = kNow})).reason,
            "the session waits for s:slow:3, not for s:w:2");
}

TEST(Task, TheLastFinishTakesTheStateOverUnlessItIsDiscarded) {
  FlowText flow;
  flow.node("a", "action", "{'actions':[{'type':'increment','variable':'n'}]}").node("b", "action").edge("a", "b");
  const FlowSet flows = flow_set(flow.document());
  Session session;
  session.id = "s";
  session.state = j("{'variables':{'n':4}}");
  auto waiting = std::get<Step>(step(flows, session, Start{}, {.now = kNow}));
  const Json state = clone(waiting.session.state);
  const Json wait = clone(waiting.session.wait);

  NodeRun other(flows, waiting.session, "s:b:2", {.now = kNow});
  EXPECT_TRUE(std::holds_alternative<Discarded>(other.finish_last(waiting.session, {.now = kNow})));
  EXPECT_TRUE(equal(waiting.session.state, state));

  NodeRun run(flows, waiting.session, "s:a:2", {.now = kNow});
  const auto copied = std::get<Step>(run.finish(waiting.session, {.now = kNow}));
  EXPECT_TRUE(equal(waiting.session.state, state));
  const auto taken = std::get<Step>(run.finish_last(waiting.session, {.now = kNow}));
  EXPECT_TRUE(waiting.session.state.IsNull());
  EXPECT_TRUE(equal(waiting.session.wait, wait)) << "all but the state stays";
  EXPECT_EQ(shown_at(taken.session.state, "variables.n"), "5");
  EXPECT_TRUE(equal(taken.session.state, copied.session.state));
  EXPECT_EQ(taken.session.revision, copied.session.revision);
}

TEST(Task, APatchWhileItRunsIsSeenByItsOutcome) {
  FlowText flow;
  flow.node("a", "action",
            "{'actions':[{'type':'api_call','url':'https://x.example/{{user.id}}','response_mapping':{'$.n':'temp.n'}},"
            "{'type':'calculate','variable':'sum','expression':'temp.n + user.k'}]}");
  const FlowSet flows = flow_set(flow.document());
  Session session;
  session.id = "s";
  session.state = j("{'user':{'id':'1/2','k':1}}");
  const auto waiting = std::get<Step>(step(flows, session, Start{}, {.now = kNow}));
  NodeRun run(flows, waiting.session, "s:a:2", {.now = kNow});
  const auto call = run.next_call();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->url, "https://x.example/1%2F2");
  HttpOutcome outcome;
  outcome.status = 200;
  outcome.body = "{\"n\":40}";
  run.give(outcome);
  EXPECT_FALSE(run.next_call());
  Session patched = waiting.session.copy();
  patched.revision = 3;
  set(*find(patched.state, "user"), "k", Json(2));
  const auto done = std::get<Step>(run.finish(patched, {.now = kNow}));
  EXPECT_EQ(done.session.revision, 4);
  EXPECT_EQ(shown_at(done.session.state, "variables.sum"), "42");
}

}  // namespace
}  // namespace sluice::flow
