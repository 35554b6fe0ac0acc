// FLOW 9: composites and scripts.
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

const char* kInner =
    "'entry_node_id':'ask','nodes':[{'node_id':'ask','node_type':'question','content':{'question':'{{input.hello}} "
    "{{temp.mine}}?','variable':'got'}},"
    "{'node_id':'set','node_type':'action','content':{'actions':[{'type':'set_variable','variable':'output.x','value':'"
    "{{variables.got}}'},"
    "{'type':'set_variable','variable':'temp.mine','value':2},{'type':'set_variable','variable':'output.n','value':'{{"
    "input.n}}'}]}}],"
    "'connections':[{'source_node_id':'ask','target_node_id':'set','connection_type':'default'}]";

FlowText caller(const std::string& content) {
  FlowText flow;
  flow.node("first", "action",
            "{'actions':[{'type':'set_variable','variable':'temp.mine','value':1},{'type':'set_variable','variable':'"
            "kept','value':true}]}")
      .node("call", "composite",
            "{" + content +
                ",'inputs':{'hello':'Hi "
                "{{user.name}}','n':'{{user.n}}'},'outputs':{'result':'{{output.x}}','temp.n':'{{output.n}}','gone':'{{"
                "output.gone}}'}}")
      .node("end", "message", "{'text':'{{variables.result}}'}")
      .edge("first", "call")
      .edge("call", "end");
  return flow;
}

TEST(Composite, InlineScopesAreIsolatedInputsTypedOutputsApplied) {
  Talk talk(caller(kInner), j("{'user':{'name':'Ann','n':[7]}}"));
  talk.start();
  EXPECT_EQ(talk.texts.front(), "Hi Ann ?");
  EXPECT_EQ(talk.node(), "ask");
  EXPECT_EQ(talk.state("variables"), "{}");
  EXPECT_EQ(talk.state("input.n"), "[7]");
  EXPECT_EQ(talk.session().stack.Size(), 1U);
  talk.say("'yes'");
  EXPECT_EQ(talk.status(), "completed");
  EXPECT_EQ(talk.texts.back(), "yes");
  EXPECT_EQ(talk.state("variables"), "{'kept':true,'result':'yes'}");
  EXPECT_EQ(talk.state("temp"), "{'mine':1,'n':[7]}");
  EXPECT_EQ(talk.state("input"), "-");
  EXPECT_EQ(talk.state("output"), "-");
  EXPECT_EQ(talk.session().stack.Size(), 0U);
}

TEST(Composite, AReferenceRunsTheOtherFlowWithItsDefaults) {
  FlowSet flows = flow_set(caller("'flow':'helper'").document());
  flows.subflows["helper"] = Flow::from_json(
      j(std::string("{'name':'helper','variables':{'got':{'type':'string','default':'d'}},") + kInner + "}"));
  Talk talk(flows, j("{'user':{'name':'Ann'}}"));
  EXPECT_EQ(talk.start().state("variables"), "{'got':'d'}");
  EXPECT_EQ(talk.say("'yes'").state("variables.result"), "'yes'");
}

TEST(Composite, ANodeInsideCallsThoughItsCallerHasAnActionOfThatName) {
  FlowText flow;
  flow.node("same", "action", "{'actions':[{'type':'set_variable','variable':'a','value':1}]}")
      .node("call", "composite",
            "{'entry_node_id':'same','nodes':[{'node_id':'same','node_type':'webhook','content':{'url':'https://"
            "x.example/'}}],'connections':[]}")
      .edge("same", "call");
  const FlowSet flows = flow_set(flow.document());
  Session session;
  session.id = "s";
  const auto started = std::get<Step>(step(flows, session, Start{}, {.now = kNow}));
  NodeRun acts(flows, started.session, "s:same:2", {.now = kNow});
  EXPECT_FALSE(acts.next_call());
  const auto inside = std::get<Step>(acts.finish(started.session, {.now = kNow}));
  EXPECT_EQ(inside.session.current_node, "same");
  EXPECT_EQ(inside.session.stack.Size(), 1U);
  NodeRun calls(flows, inside.session, std::string(string_member(inside.session.wait, "key")), {.now = kNow});
  EXPECT_TRUE(calls.next_call());
}

// main calls shop and other; other was published when shop was still at its first version.
TEST(Composite, EachCallerKeepsTheVersionThatItPinned) {
  const auto shop = [](const std::string& version) {
    FlowText flow;
    flow.node("say", "message", "{'text':'shop " + version + "'}");
    return Flow::from_json(flow.document());
  };
  FlowText calls_shop;
  calls_shop.node("in", "composite", "{'flow':'shop'}");
  FlowText calls_both;
  calls_both.node("one", "composite", "{'flow':'shop'}")
      .node("two", "composite", "{'flow':'other'}")
      .edge("one", "two");
  FlowSet flows = flow_set(calls_both.document());
  const auto other = Flow::from_json(calls_shop.document());
  flows.pins[flows.main.get()] = {{"shop", shop("2")}, {"other", other}};
  flows.pins[other.get()] = {{"shop", shop("1")}};
  Talk talk(flows);
  talk.start();
  EXPECT_EQ(talk.texts, (std::vector<std::string>{"shop 2", "shop 1"}));
  EXPECT_EQ(talk.status(), "completed");
}

TEST(Composite, AMissingFlowTakesFailure) {
  FlowText flow = caller("'flow':'nowhere'");
  flow.node("bad", "message", "{'text':'x'}").edge("call", "bad", "failure");
  Talk talk(flow);
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_EQ(talk.info("last_error.message"), "'there is no flow \\'nowhere\\''");
}

TEST(Composite, UserAndContextAreReadOnlyInside) {
  FlowText flow;
  flow.node("call", "composite",
            "{'entry_node_id':'a','nodes':[{'node_id':'a','node_type':'action','content':{'actions':[{'type':'set_"
            "variable','variable':'user.x','value':1}]}}]}")
      .node("bad", "message", "{'text':'x'}")
      .edge("call", "bad", "failure");
  Talk talk(flow, j("{'user':{'x':0},'temp':{'t':1}}"));
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_EQ(talk.state("user.x"), "0");
  EXPECT_EQ(talk.state("temp.t"), "1");
}

TEST(Composite, OutputsAreAllOrNothing) {
  FlowText flow;
  flow.node("call", "composite",
            "{'entry_node_id':'a','nodes':[{'node_id':'a','node_type':'action','content':{'actions':[{'type':'set_"
            "variable','variable':'output.x','value':1}]}}],"
            "'outputs':{'fine':'{{output.x}}','n.deep':'{{output.x}}'}}")
      .node("bad", "message", "{'text':'x'}")
      .edge("call", "bad", "failure");
  Talk talk(flow, j("{'variables':{'n':5}}"));
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_EQ(talk.state("variables"), "{'n':5}");
}

TEST(Composite, InputsAboveTheLimitOfTheStateAreAFailure) {
  FlowText flow;
  flow.node("call", "composite",
            "{'inputs':{'a':'{{user.big}}','b':'{{user.big}}'},'entry_node_id':'q','nodes':[{'node_id':'q','node_type':"
            "'question','content':{'question':'?'}}]}")
      .node("bad", "question", "{'question':'sorry'}")
      .edge("call", "bad", "failure");
  Json state = j("{'user':{},'temp':{'t':1}}");
  set(*find(state, "user"), "big", std::string(400'000, 'x'));
  Talk talk(flow_set(flow.document()), std::move(state));
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_NE(talk.info("last_error.message").find("inputs: the state would be larger than the limit of 1 MiB"),
            std::string::npos);
  EXPECT_EQ(talk.state("temp"), "{'t':1}");
  EXPECT_EQ(talk.state("input"), "-");
  EXPECT_EQ(talk.session().stack.Size(), 0U);
}

TEST(Composite, AFailureInsideTakesTheFailureOfTheNearestCaller) {
  FlowText flow;
  flow.node("outer", "composite",
            "{'entry_node_id':'inner','nodes':[{'node_id':'inner','node_type':'composite','content':{'entry_node_id':"
            "'a','nodes':[{'node_id':'a','node_type':'action','content':{'actions':[{'type':'append','variable':'l',"
            "'value':1},{'type':'dance'}]}}]}}],'outputs':{'l':'{{variables.l}}'}}")
      .node("bad", "message", "{'text':'x'}")
      .edge("outer", "bad", "failure");
  Talk talk(flow, j("{'variables':{'mine':1}}"));
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_EQ(talk.info("last_error.node_id"), "'a'");
  EXPECT_EQ(talk.state("variables"), "{'mine':1}");
  EXPECT_EQ(talk.status(), "completed");
}

TEST(Composite, TheDepthLimitIsSixteen) {
  FlowSet flows =
      flow_set(j("{'name':'self','entry_node_id':'c','nodes':[{'node_id':'c','node_type':'composite','content':{'flow':"
                 "'self'}}]}"));
  flows.subflows["self"] = flows.main;
  Talk talk(flows);
  talk.start();
  EXPECT_EQ(talk.steps[0].path.size(), 17U);
  EXPECT_NE(talk.steps[0].error.find("16 levels"), std::string::npos);
}

TEST(Script, OnlyListedOutputsAreAcceptedBack) {
  FlowText flow;
  flow.node("s", "script",
            "{'language':'javascript','code':'f(x)','inputs':{'x':'{{user.n}}'},'outputs':['a','temp.b']}")
      .node("ok", "message", "{'text':'x'}")
      .node("bad", "message", "{'text':'x'}")
      .edge("s", "ok")
      .edge("s", "bad", "failure");
  Talk talk(flow, j("{'user':{'n':[1]}}"));
  talk.start();
  EXPECT_EQ(to_text(talk.steps[0].messages[0].content),
            R"j({"language":"javascript","code":"f(x)","inputs":{"x":[1]},"type":"script","outputs":["a","temp.b"]})j");
  EXPECT_EQ(string_member(talk.session().wait, "input_type"), "script");
  talk.say("{'value':{'a':1,'temp.b':2,'user':{'n':0},'evil':3}}");
  EXPECT_EQ(talk.node(), "ok");
  EXPECT_EQ(talk.state("variables"), "{'a':1}");
  EXPECT_EQ(talk.state("temp.b"), "2");
  EXPECT_EQ(talk.state("user.n"), "[1]");
  EXPECT_EQ(Talk(flow).start().say("{'value':{'error':'boom'}}").node(), "bad");
}

}  // namespace
}  // namespace sluice::flow
