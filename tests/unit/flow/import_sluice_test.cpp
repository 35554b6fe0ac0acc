#include <rapidcheck.h>

#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

Imported imported(const std::string& text) {
  return import_flow(j(text), Format::kSluice);
}

TEST(ImportSluice, ACanonicalDocumentComesBackUnchanged) {
  expect_stable(
      j("{'name':'a','version':'2.1','entry_node_id':'m','settings':{'session_timeout':86400},'variables':{'x':{'type':"
        "'string'}},"
        "'conditions':{'c':{'var':'user.age','gte':13}},'own_key':[1,2],"
        "'nodes':[{'node_id':'m','node_type':'message','content':{'text':'Hi {{user.name}} {not_a_variable} "
        "${user.id}'},'position':{'x':1,'y':2},'info':{'a':1}}],"
        "'connections':[{'source_node_id':'m','target_node_id':'m','connection_type':'$0','condition':'true','"
        "conditions':{'$ref':'c'},'info':{'priority':1}}],"
        "'test_scenarios':[{'name':'s','steps':[]}]}"));
}

TEST(ImportSluice, IdsTypesAndLabelsInAllSpellings) {
  const Imported result = imported(
      "{'name':'f','start_node':'a','nodes':[{'id':'a','type':'MESSAGE','content':{'text':'x'}},{'node_key':'b','node_"
      "type':'message','content':{'text':'y'}},"
      "{'data':{'id':'c','type':'message','text':'z'},'type':'custom'}],"
      "'edges':[{'source':'a','target':'b','label':'Complete'},{'from':'b','to':'c','connection_type':'ERROR'},"
      "{'source':'a','target':'c','label':'CONDITIONAL','condition':'user.age > 3'}]}");
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  EXPECT_EQ(string_member(result.flow, "entry_node_id"), "a");
  EXPECT_EQ(ways(result.flow, "a"), "default → b, default → c");
  EXPECT_EQ(ways(result.flow, "b"), "failure → c");
  EXPECT_EQ(content_text(result.flow, "c"), "{'text':'z'}");
  EXPECT_EQ(string_member((*find(result.flow, "connections"))[2], "condition"), "user.age > 3");
  expect_stable(result.flow);
}

TEST(ImportSluice, InlineConnectionsAndSingleActions) {
  const Imported result = imported(
      "{'name':'f','entry_node_id':'a','nodes':[{'node_id':'a','node_type':'action','content':{'action':'set_variable',"
      "'params':{'variable':'x','value':1}},"
      "'connections':{'success':'b','error':['b']}},{'node_id':'b','node_type':'message','content':{'text':'x'}}]}");
  EXPECT_EQ(content_text(result.flow, "a"), "{'actions':[{'type':'set_variable','variable':'x','value':1}]}");
  EXPECT_EQ(ways(result.flow, "a"), "success → b, failure → b");
}

TEST(ImportSluice, MillisecondsBecomeSecondsOnce) {
  const Imported result = imported(
      "{'name':'f','entry_node_id':'w','nodes':[{'node_id':'w','node_type':'webhook','content':{'url':'https://"
      "x.example','timeout':30000}}],'connections':[]}");
  EXPECT_EQ(content_text(result.flow, "w"), "{'url':'https://x.example','timeout':30}");
  expect_stable(result.flow);
}

// 1,800,000 ms is 1,800 s, which would be taken for milliseconds if nothing said otherwise.
TEST(ImportSluice, ALongTimeoutIsNotDividedTwice) {
  const Imported result = imported(
      "{'name':'f','entry_node_id':'q','nodes':[{'node_id':'q','node_type':'question','content':{'question':'?','"
      "timeout':1800000}}],'connections':[]}");
  EXPECT_EQ(content_text(result.flow, "q"), "{'question':'?','timeout':1800}");
  expect_stable(result.flow);
}

TEST(ImportSluice, SingleBracesOfKnownNamesAreDoubled) {
  const Imported result = imported(
      "{'name':'f','entry_node_id':'m','variables':{'score':{}},'nodes':[{'node_id':'m','node_type':'message','content'"
      ":{'text':"
      "'{user.name} {score} {other} {secret:key} {{user.x}} ${user.id} { user.y "
      "}','pattern':'{user.name}'}}],'connections':[]}");
  EXPECT_EQ(content_text(result.flow, "m"),
            "{'text':'{{user.name}} {{variables.score}} {other} {{secret:key}} {{user.x}} ${user.id} { user.y "
            "}','pattern':'{user.name}'}");
  EXPECT_NE(shown(result.report).find("INFO nodes[0].content.text"), std::string::npos);
  expect_stable(result.flow);
}

TEST(ImportSluice, RowsOfTheTablesAreAFlow) {
  const Imported result = imported(
      "{'flow_definitions':[{'id':'u','name':'f','version':'3','flow_data':{'settings':{'max_steps':5}},'entry_node_id'"
      ":'m','is_published':true}],"
      "'flow_nodes':[{'id':'1','flow_id':'u','node_id':'m','node_type':'message','content':{'text':'x'},'created_at':'"
      "now'}],"
      "'flow_connections':[{'id':'2','flow_id':'u','source_node_id':'m','target_node_id':'m','connection_type':'"
      "default','conditions':{}}]}");
  EXPECT_EQ(to_text(result.flow),
            to_text(j("{'name':'f','version':'3','entry_node_id':'m','settings':{'max_steps':5},'nodes':[{'node_id':'m'"
                      ",'node_type':'message','content':{'text':'x'}}],"
                      "'connections':[{'source_node_id':'m','target_node_id':'m','connection_type':'default'}]}")));
}

TEST(ImportSluice, InlineCompositesAreMadeCanonicalToo) {
  const Imported result = imported(
      "{'name':'f','entry_node_id':'c','nodes':[{'node_id':'c','node_type':'composite','content':{'entry':'i','nodes':["
      "{'id':'i','type':'message',"
      "'content':{'text':'{user.name}'}}],'edges':[]}}],'connections':[]}");
  EXPECT_EQ(content_text(result.flow, "c"),
            "{'entry_node_id':'i','nodes':[{'node_id':'i','node_type':'message','content':{'text':'{{user.name}}'}}],'"
            "connections':[]}");
  expect_stable(result.flow);
}

TEST(ImportSluice, WhatIsNoFlowIsAnErrorAndNoCrash) {
  for (const char* text :
       {"1", "null", "[]", "{}", "{'nodes':1}", "{'nodes':[1,null,{}],'edges':[1,{}]}", "{'flow':{'flow_data':[]}}"}) {
    const Imported result = imported(text);
    EXPECT_TRUE(has_errors(result.report)) << text;
    EXPECT_TRUE(result.flow.IsObject());
    EXPECT_EQ(to_text(import_flow(result.flow, Format::kSluice).flow), to_text(result.flow)) << text;
  }
}

std::string text_from(const std::vector<int>& numbers) {
  static const std::vector<std::string> kPieces{"{",     "}", "{{", "}}",      "user.", "name",
                                                "score", "$", " ",  "secret:", "é",     "temp.x"};
  std::string text;
  for (const int number : numbers) text += kPieces[static_cast<std::size_t>(number)];
  return text;
}

TEST(ImportSluice, ImportOfAnImportChangesNothing) {
  const auto piece = [] { return *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12)); };
  EXPECT_TRUE(rc::check("import → export → import is stable", [&] {
    const int count = *rc::gen::inRange(1, 6);
    Json document = make_object();
    set(document, "name", "f");
    set(set(document, "variables", make_object()), "score", make_object());
    Json nodes = make_array();
    Json edges = make_array();
    static const std::vector<std::string> kTypes{"message", "QUESTION",  "condition", "action",
                                                 "webhook", "composite", "nonsense"};
    static const std::vector<std::string> kIds{"id", "node_id", "node_key"};
    static const std::vector<std::string> kLabels{"default", "ERROR",   "complete", "CONDITIONAL",
                                                  "$3",      "timeout", "odd"};
    for (int i = 0; i < count; ++i) {
      Json node = make_object();
      set(node, kIds[static_cast<std::size_t>(*rc::gen::inRange(0, 3))], "n" + std::to_string(i));
      set(node, *rc::gen::element(std::string("type"), std::string("node_type")), *rc::gen::elementOf(kTypes));
      Json content = make_object();
      set(content, "text", text_from(piece()));
      set(content, "timeout", Json(*rc::gen::inRange(0, 4'000'000)));
      if (*rc::gen::arbitrary<bool>()) set(content, "action", "set_variable");
      set(node, *rc::gen::element(std::string("content"), std::string("data")), std::move(content));
      if (*rc::gen::arbitrary<bool>()) set(set(node, "connections", make_object()), *rc::gen::elementOf(kLabels), "n0");
      push(nodes, std::move(node));
      Json edge = make_object();
      set(edge, *rc::gen::element(std::string("source"), std::string("from")), "n" + std::to_string(i));
      set(edge, "target", "n0");
      set(edge, *rc::gen::element(std::string("label"), std::string("connection_type")), *rc::gen::elementOf(kLabels));
      set(edge, "priority", Json(i));
      push(edges, std::move(edge));
    }
    set(document, "nodes", std::move(nodes));
    set(document, "edges", std::move(edges));
    const Imported once = import_flow(document, Format::kSluice);
    const Imported twice = import_flow(once.flow, Format::kSluice);
    RC_ASSERT(to_text(once.flow) == to_text(twice.flow));
  }));
}

}  // namespace
}  // namespace sluice::flow
