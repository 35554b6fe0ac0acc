// FLOW 7: every action, order, atomicity, and what a request looks like when it leaves.
#include "core/flow/secrets.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

// The variables after these actions, or "! " and the error.
std::string after(const std::string& actions, const std::string& variables = "{}") {
  FlowText flow;
  flow.node("a", "action", "{'actions':[" + actions + "]}")
      .node("ok", "message", "{'text':'ok'}")
      .edge("a", "ok", "success");
  Talk talk(flow, j("{'variables':" + variables + "}"));
  talk.start();
  return talk.node() == "ok" ? talk.state("variables") : "! " + talk.info("last_error.message");
}

TEST(Action, SetVariableKeepsTypesAndNestsToAnyDepth) {
  EXPECT_EQ(after("{'type':'set_variable','variable':'x','value':'{{variables.l}}'}", "{'l':[1]}"),
            "{'l':[1],'x':[1]}");
  EXPECT_EQ(after("{'type':'set_variable','variable':'variables.a.b.c','value':{'k':'{{variables.n}}!'}}", "{'n':2}"),
            "{'n':2,'a':{'b':{'c':{'k':'2!'}}}}");
  EXPECT_EQ(after("{'type':'set_variable','variable':'l[1].t','value':5}", "{'l':[{},{'t':1}]}"), "{'l':[{},{'t':5}]}");
  EXPECT_EQ(after("{'type':'set_variable','variable':'n.x','value':5}", "{'n':1}"),
            "! 'action 1 (set_variable): cannot set variables.n.x: x is no member of a number'");
  EXPECT_EQ(after("{'action':'set_variable','params':{'variable':'x','value':1}}"), "{'x':1}");
}

TEST(Action, IncrementAndDecrementCountFromZero) {
  EXPECT_EQ(after("{'type':'increment','variable':'n'}"), "{'n':1}");
  EXPECT_EQ(after("{'type':'increment','variable':'n','amount':5},{'type':'decrement','variable':'n','increment':2}"),
            "{'n':3}");
  EXPECT_EQ(after("{'type':'increment','variable':'n','amount':'{{variables.by}}'}", "{'by':0.5}"),
            "{'by':0.5,'n':0.5}");
  EXPECT_EQ(after("{'type':'increment','variable':'n','amount':'{{variables.t}}'}", "{'t':'{{variables.by}}','by':2}"),
            "! 'action 1 (increment): the amount \\'{{variables.by}}\\' is no number'");
  EXPECT_EQ(after("{'type':'increment','variable':'n'}", "{'n':'1'}"), "! 'action 1 (increment): n is no number'");
  EXPECT_EQ(after("{'type':'increment','variable':'n'}", "{'n':9223372036854775807}").substr(0, 1), "!");
}

TEST(Action, ListsGrowAndShrink) {
  EXPECT_EQ(
      after("{'type':'append','variable':'l','value':1},{'type':'append','variable':'l','value':'{{variables.l}}'}"),
      "{'l':[1,[1]]}");
  EXPECT_EQ(after("{'type':'append','variable':'l','value':1}", "{'l':'text'}").substr(0, 1), "!");
  EXPECT_EQ(after("{'type':'remove','variable':'l','value':1}", "{'l':[1,'1',1.0,2]}"), "{'l':['1',2]}");
  EXPECT_EQ(after("{'type':'clear','variable':'l'},{'type':'clear','variable':'o'}", "{'l':[1],'o':{'a':1}}"),
            "{'l':[],'o':{}}");
  EXPECT_EQ(
      after("{'type':'delete_variable','variable':'l'},{'type':'delete_variable','variable':'gone'}", "{'l':[1]}"),
      "{}");
}

TEST(Action, CalculateIsCelArithmetic) {
  EXPECT_EQ(after("{'type':'calculate','variable':'n','expression':'variables.a * 2 + 1'}", "{'a':3}"),
            "{'a':3,'n':7}");
  EXPECT_EQ(after("{'type':'calculate','variable':'n','expression':'{{variables.a}} + {{ variables.a }}'}", "{'a':3}"),
            "{'a':3,'n':6}");
  EXPECT_EQ(after("{'type':'calculate','variable':'n','expression':'1 +'}").substr(0, 1), "!");
  EXPECT_EQ(after("{'type':'calculate','variable':'n','expression':'1 / 0'}").substr(0, 1), "!");
}

TEST(Action, AggregateByExpressionOrBySource) {
  const std::string state = "{'l':[{'n':1,'m':{'a':1}},{'n':4,'m':{'a':2}},{}]}";
  const auto got = [&](const std::string& rest) {
    FlowText flow;
    flow.node("a", "action", "{'actions':[{'type':'aggregate'," + rest + ",'target':'temp.out'}]}");
    Talk talk(flow, j("{'variables':" + state + "}"));
    return talk.start().state("temp.out");
  };
  EXPECT_EQ(got("'expression':'sum([1, 2])'"), "3");
  EXPECT_EQ(got("'source':'l','field':'n','operation':'sum'"), "5");
  EXPECT_EQ(got("'source':'{{variables.l}}','field':'n','operation':'max'"), "4");
  EXPECT_EQ(got("'source':'l','operation':'count'"), "3");
  EXPECT_EQ(got("'source':'l','field':'m','operation':'merge','merge_strategy':'max'"), "{'a':2}");
  EXPECT_EQ(got("'source':'l','field':'m','operation':'merge'"), "{'a':3}");
  EXPECT_EQ(got("'source':'l','operation':'dance'"), "-");
}

TEST(Action, TheNodeIsAllOrNothing) {
  FlowText flow;
  flow.node("a", "action",
            "{'actions':[{'type':'set_variable','variable':'x','value':1},{'type':'append','variable':'l','value':2},"
            "{'type':'delete_variable','variable':'d'},{'type':'set_variable','variable':'l[5]','value':1}]}")
      .node("bad", "message", "{'text':'x'}")
      .edge("a", "bad", "failure");
  Talk talk(flow, j("{'variables':{'l':[1],'d':{'k':1}}}"));
  talk.start();
  EXPECT_EQ(talk.node(), "bad");
  EXPECT_TRUE(equal(*find(talk.session().state, "variables"), j("{'l':[1],'d':{'k':1}}")));
}

TEST(Action, AnErrorWithoutFailureEdgeTakesTheFallbackElseStaysAndAnInputTriesAgain) {
  FlowText flow;
  flow.node("a", "action", "{'actions':[{'type':'append','variable':'l','value':2}]}")
      .node("ok", "message", "{'text':'x'}")
      .edge("a", "ok");
  Talk talk(flow, j("{'variables':{'l':1}}"));
  talk.start();
  EXPECT_EQ(talk.node(), "a");
  EXPECT_EQ(talk.status(), "active");
  EXPECT_EQ(string_member(talk.session().wait, "error"), "action 1 (append): l is no list");
  EXPECT_EQ(talk.info("last_error.node_id"), "'a'");
  const int revision = talk.session().revision;
  talk.say("'try again'");
  EXPECT_GT(talk.session().revision, revision);
  EXPECT_EQ(talk.node(), "a");
  flow.node("sorry", "question", "{'question':'sorry'}").with("'settings':{'fallback_node':'sorry'}");
  EXPECT_EQ(Talk(flow, j("{'variables':{'l':1}}")).start().node(), "sorry");
}

TEST(ApiCall, MapsSourceToVariableAndNumbersItsCalls) {
  FlowText flow;
  flow.node("a", "action",
            "{'actions':[{'type':'api_call','url':'https://x.example/a','response_mapping':{'data.id':'id'}},"
            "{'type':'api_call','url':'https://x.example/"
            "{{variables.id}}','method':'put','body':{'id':'{{variables.id}}'},'response_mapping':{'$':'temp.all'}}]}");
  Talk talk(flow);
  talk.answers(200, "{\"data\":{\"id\":\"a b\"}}").answers(200, "plain text").start();
  EXPECT_EQ(talk.state("variables.id"), "'a b'");
  EXPECT_EQ(talk.state("temp.all"), "'plain text'");
  ASSERT_EQ(talk.calls.size(), 2U);
  const std::string key = talk.session().id + ":a:2";
  EXPECT_EQ(talk.calls[0].idempotency_key, key);
  EXPECT_EQ(talk.calls[0].method, "GET");
  EXPECT_EQ(talk.calls[1].idempotency_key, key + ":2");
  EXPECT_EQ(talk.calls[1].method, "PUT");
  EXPECT_EQ(talk.calls[1].url, "https://x.example/a%20b");
  EXPECT_EQ(talk.calls[1].body, R"({"id":"a b"})");
}

HttpCall call_of(const std::string& content, const std::string& state) {
  FlowText flow;
  flow.node("w", "webhook", content);
  Talk talk(flow, j(state));
  talk.answers(200, "{}").start();
  return talk.calls.empty() ? HttpCall() : talk.calls.front();
}

std::optional<std::string> vault(std::string_view key) {
  if (key == "k") return "s\"1/&";
  return std::nullopt;
}

TEST(Secrets, AreEscapedForWhereTheyStand) {
  HttpCall call = call_of(
      "{'url':'https://x.example/{{secret:k}}?q={{secret:k}}','headers':{'Authorization':'Bearer {{ secret:k "
      "}}'},'body':{'t':'{{secret:k}}','u':'a{{secret:k}}'}}",
      "{}");
  EXPECT_EQ(secret_keys(call), std::vector<std::string>{"k"});
  for (const auto& part : {call.url, call.body, call.headers[0].second})
    EXPECT_EQ(part.find("s\"1"), std::string::npos);
  ASSERT_TRUE(put_secrets(call, vault));
  EXPECT_EQ(call.url, "https://x.example/s%221%2F%26?q=s%221%2F%26");
  EXPECT_EQ(call.headers[0].second, "Bearer s\"1/&");
  EXPECT_EQ(call.body, R"({"t":"s\"1/&","u":"as\"1/&"})");
}

TEST(Secrets, WhatAUserTypesIsNeverOne) {
  HttpCall call = call_of(
      "{'url':'https://x.example/?q={{user.q}}','headers':{'X':'{{{user.half}}'},'body':{'all':'{{user.o}}','q':'a "
      "{{user.q}} {{user.mark}}'}}",
      "{'user':{'q':'{{secret:k}}','half':'{secret:k}}','o':{'{{secret:k}}':'{{secret:k}}','"
      "\xEF\xB7\x90k\xEF\xB7\x91':'\xEF\xB7\x90k\xEF\xB7\x91'},'mark':'\xEF\xB7\x90k\xEF\xB7\x91'}}");
  EXPECT_TRUE(secret_keys(call).empty());
  ASSERT_TRUE(put_secrets(call, [](std::string_view) { return std::optional<std::string>("LEAK"); }));
  for (const auto& part : {call.url, call.body, call.headers[0].second})
    EXPECT_EQ(part.find("LEAK"), std::string::npos) << part;
}

TEST(Secrets, AMarkIsNoneInAHostNorInWhatAnAuthorWrote) {
  const std::string mark = "\xEF\xB7\x90k\xEF\xB7\x91";
  HttpCall call = call_of("{'url':'https://{{user.mark}}.example/','body':{'plain':'" + mark + "'}}",
                          "{'user':{'mark':'" + mark + "'}}");
  EXPECT_TRUE(secret_keys(call).empty());
  ASSERT_TRUE(put_secrets(call, [](std::string_view) { return std::optional<std::string>("LEAK"); }));
  for (const auto& part : {call.url, call.body}) EXPECT_EQ(part.find("LEAK"), std::string::npos) << part;
}

TEST(Secrets, AnUnknownKeyIsNamedAndNothingIsPutIn) {
  HttpCall call = call_of("{'url':'https://x.example/{{secret:k}}','body':{'t':'{{secret:gone}}'}}", "{}");
  const auto put = put_secrets(call, vault);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error(), "gone");
  EXPECT_EQ(call.url.find("s%22"), std::string::npos);
}

TEST(Secrets, ResolveNowhereButInRequests) {
  FlowText flow;
  flow.node("m", "message", "{'text':'{{secret:k}}','url':'https://x.example/{{secret:k}}'}")
      .node("a", "action", "{'actions':[{'type':'set_variable','variable':'x','value':'{{secret:k}}'}]}")
      .edge("m", "a");
  Talk talk(flow);
  talk.start();
  EXPECT_EQ(to_text(talk.steps[0].messages[0].content), R"({"text":"","url":"https://x.example/","type":"text"})");
  EXPECT_EQ(talk.state("variables.x"), "'{{secret:k}}'");
}

TEST(Request, ALineBreakInAHeaderFailsTheNode) {
  FlowText flow;
  flow.node("w", "webhook", "{'url':'https://x.example/','headers':{'X':'{{user.x}}'}}");
  Talk talk(flow, json(R"({"user":{"x":"a\r\nEvil: 1"}})"));
  talk.start();
  EXPECT_TRUE(talk.calls.empty());
  EXPECT_EQ(talk.info("last_error.message"), "'no response: the header X would hold a line break'");
}

TEST(Request, ABodyThatIsTheTextOfJsonKeepsItsShape) {
  const Json document = json(
      R"({"name":"t","entry_node_id":"w","nodes":[{"node_id":"w","node_type":"webhook","content":{"url":"https://x.example/","body":"{\"a\":\"{{user.x}}\"}"}}]})");
  Talk talk(flow_set(document), json(R"({"user":{"x":"\",\"admin\":\"1"}})"));
  talk.answers(200, "").start();
  ASSERT_EQ(talk.calls.size(), 1U);
  EXPECT_EQ(talk.calls[0].body, R"({"a":"\",\"admin\":\"1"})");
  EXPECT_EQ(talk.calls[0].method, "POST");
  EXPECT_TRUE(talk.calls[0].json_body);
}

}  // namespace
}  // namespace sluice::flow
