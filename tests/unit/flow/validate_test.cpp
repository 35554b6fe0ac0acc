#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

struct Wrong {
  const char* rule;
  const char* severity;
  const char* path;
  std::string document;

  // What gtest shows as the test's parameter.
  friend void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.rule << " at " << wrong.path; }
};

std::string flow_text(const std::string& nodes, const std::string& connections = "", const std::string& more = "") {
  return "{'name':'f','version':'1','entry_node_id':'a','nodes':[" + nodes + "],'connections':[" + connections + "]" +
         more + "}";
}
std::string node_text(const std::string& id, const std::string& type, const std::string& content) {
  return "{'node_id':'" + id + "','node_type':'" + type + "','content':" + content + "}";
}
std::string edge_text(const std::string& from, const std::string& to, const std::string& label = "default") {
  return "{'source_node_id':'" + from + "','target_node_id':'" + to + "','connection_type':'" + label + "'}";
}
std::string message(const std::string& id = "a") {
  return node_text(id, "message", "{'text':'x'}");
}
std::string webhook(const std::string& content) {
  return flow_text(node_text("a", "webhook", content), edge_text("a", "a", "failure"));
}
std::string branch(const std::string& entries) {
  return flow_text(node_text("a", "condition", "{'conditions':[" + entries + "]}"));
}

class Rules : public testing::TestWithParam<Wrong> {};

TEST_P(Rules, FindWhatIsWrong) {
  const std::vector<Finding> findings = validate(j(GetParam().document));
  const auto found = std::ranges::find_if(
      findings, [](const Finding& f) { return f.rule == GetParam().rule && f.path == GetParam().path; });
  ASSERT_NE(found, findings.end()) << GetParam().rule << " at " << GetParam().path << "\n" << shown(findings);
  EXPECT_EQ(to_text(found->severity), GetParam().severity);
  EXPECT_FALSE(found->message.empty());
  EXPECT_FALSE(found->fix.empty());

  ValidateOptions off;
  off.switched_off.insert(GetParam().rule);
  for (const Finding& finding : validate(j(GetParam().document), off)) EXPECT_NE(finding.rule, GetParam().rule);
}

INSTANTIATE_TEST_SUITE_P(
    All, Rules,
    testing::Values(
        Wrong{"missing-entry", "ERROR", "entry_node_id", "{'name':'f','nodes':[],'connections':[]}"},
        Wrong{"unknown-entry", "ERROR", "entry_node_id", flow_text(message("b"))},
        Wrong{"missing-node-id", "ERROR", "nodes[1]",
              flow_text(message() + ",{'node_type':'message','content':{'text':'x'}}")},
        Wrong{"duplicate-node-id", "ERROR", "nodes.a", flow_text(message() + "," + message())},
        Wrong{"unknown-node-type", "ERROR", "nodes.a", flow_text(node_text("a", "carousel", "{}"))},
        Wrong{"unreachable-node", "WARNING", "nodes.b", flow_text(message() + "," + message("b"))},
        Wrong{"missing-failure-edge", "WARNING", "nodes.a",
              flow_text(node_text("a", "webhook", "{'url':'https://x.example'}"))},
        Wrong{"missing-timeout-edge", "WARNING", "nodes.a",
              flow_text(node_text("a", "question", "{'question':'?','timeout':5}"))},
        Wrong{"dangling-edge", "ERROR", "connections[0]", flow_text(message(), edge_text("a", "nowhere"))},
        Wrong{"unknown-label", "ERROR", "connections[0]", flow_text(message(), edge_text("a", "a", "perhaps"))},
        Wrong{"cycle-without-wait", "ERROR", "nodes.a",
              flow_text(message() + "," + message("b"), edge_text("a", "b") + "," + edge_text("b", "a"))},
        Wrong{"cycle-without-wait", "ERROR", "nodes.a",
              flow_text(message() + "," +
                            node_text("b", "composite", "{'entry_node_id':'i','nodes':[" + message("i") + "]}"),
                        edge_text("a", "b") + "," + edge_text("b", "a"))},
        Wrong{"ambiguous-edge", "ERROR", "connections[1]",
              flow_text(message() + "," + message("b") + "," + message("c"),
                        edge_text("a", "b") + "," + edge_text("a", "c"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "message", "{}"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "question", "{}"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "condition", "{}"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "action", "{}"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "webhook", "{}"))},
        Wrong{"missing-content", "ERROR", "nodes.a.content", flow_text(node_text("a", "composite", "{}"))},
        Wrong{"empty-message", "WARNING", "nodes.a.content", flow_text(node_text("a", "message", "{'messages':[]}"))},
        Wrong{"empty-message", "WARNING", "nodes.a.content",
              flow_text(node_text("a", "message", "{'messages':[{'type':'text','text':''}]}"))},
        Wrong{"silent-question", "INFO", "nodes.a.content", flow_text(node_text("a", "question", "{'question':''}"))},
        Wrong{"unknown-input-type", "ERROR", "nodes.a.content",
              flow_text(node_text("a", "question", "{'question':'?','input_type':'colour'}"))},
        Wrong{"number-of-choices", "WARNING", "nodes.a.content",
              flow_text(node_text("a", "question", "{'question':'?','input_type':'choice','options':['1']}"))},
        Wrong{"dangling-edge", "ERROR", "nodes.a.content.conditions[0]",
              branch("{'if':'user.x == 1','then':'nowhere'}")},
        Wrong{"always-true-condition", "WARNING", "nodes.a.content.conditions[0]",
              branch("{'if':'1 < 2','then':'$0'},{'if':'user.x == 1','then':'$1'}")},
        Wrong{"unreachable-condition", "WARNING", "nodes.a.content.conditions[1]",
              branch("{'if':{'and':[]},'then':'$0'},{'if':'user.x == 1','then':'$1'}")},
        Wrong{"unreachable-condition", "WARNING", "nodes.a.content.conditions[1]",
              branch("{'if':'user.x == 1','then':'$0'},{'if':'user.x == 1','then':'$1'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if", branch("{'if':'user.x ==','then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if", branch("{'if':'usr.x == 1','then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if",
              branch("{'if':{'var':'user.x','resembles':1},'then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if",
              branch("{'if':{'$ref':'nobody'},'then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.validation.pattern",
              flow_text(node_text("a", "question", "{'question':'?','validation':{'pattern':'('}}"))},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.actions[0].expression",
              flow_text(node_text("a", "action",
                                  "{'actions':[{'type':'calculate','variable':'x','expression':'1 +'}]}"))},
        Wrong{"unknown-action", "ERROR", "nodes.a.content.actions[0]",
              flow_text(node_text("a", "action", "{'actions':[{'type':'explode'}]}"))},
        Wrong{"unsafe-variable-name", "ERROR", "nodes.a.content.variable",
              flow_text(node_text("a", "question", "{'question':'?','variable':'1; drop'}"))},
        Wrong{"unsafe-variable-name", "ERROR", "variables.a b", flow_text(message(), "", ",'variables':{'a b':{}}")},
        Wrong{"credentials-in-url", "ERROR", "nodes.a.content", webhook("{'url':'https://user:pass@x.example/'}")},
        Wrong{"bad-url", "ERROR", "nodes.a.content", webhook("{'url':'ftp://x.example/'}")},
        Wrong{"not-https", "WARNING", "nodes.a.content", webhook("{'url':'http://x.example/'}")},
        Wrong{"private-host", "WARNING", "nodes.a.content", webhook("{'url':'https://127.0.0.1:8443/'}")},
        Wrong{"private-host", "WARNING", "nodes.a.content", webhook("{'url':'https://[::1]/'}")},
        Wrong{"private-host", "WARNING", "nodes.a.content", webhook("{'url':'https://LOCALHOST/'}")},
        Wrong{"private-host", "WARNING", "nodes.a.content", webhook("{'url':'https://172.20.1.1/'}")},
        Wrong{"timeout-out-of-range", "ERROR", "nodes.a.content",
              webhook("{'url':'https://x.example/','timeout':301}")},
        Wrong{"timeout-out-of-range", "ERROR", "nodes.a.content",
              webhook("{'url':'https://x.example/','timeout':'soon'}")},
        Wrong{"timeout-out-of-range", "ERROR", "nodes.a.content",
              webhook("{'url':'https://x.example/','timeout':0.5}")},
        Wrong{"number-of-choices", "WARNING", "nodes.a.content",
              flow_text(node_text("a", "question",
                                  "{'question':'?','input_type':'choice','options':[1,2,3,4,5,6,7,8,9,10,11]}"))},
        Wrong{"bad-expression", "ERROR", "conditions.c", flow_text(message(), "", ",'conditions':{'c':{}}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if", branch("{'if':{},'then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if", branch("{'if':null,'then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "nodes.a.content.conditions[0].if",
              branch("{'if':[{'var':'user.x','eq':1}],'then':'$0'}")},
        Wrong{"bad-expression", "ERROR", "connections[0].condition",
              flow_text(message(),
                        "{'source_node_id':'a','target_node_id':'a','connection_type':'$0','condition':'1 +'}")},
        Wrong{"long-timeout", "WARNING", "nodes.a.content", webhook("{'url':'https://x.example/','timeout':121}")},
        Wrong{"missing-auth-header", "INFO", "nodes.a.content", webhook("{'url':'https://x.example/'}")},
        Wrong{"unknown-scope", "WARNING", "nodes.a.content.text",
              flow_text(node_text("a", "message", "{'text':'Hi {{name}}'}"))},
        Wrong{"unknown-fallback", "ERROR", "settings.fallback_node",
              flow_text(message(), "", ",'settings':{'fallback_node':'nobody'}")},
        Wrong{"bad-setting", "ERROR", "settings.max_steps", flow_text(message(), "", ",'settings':{'max_steps':-1}")},
        Wrong{"schema", "ERROR", "nodes.a.content.retry.attempts",
              webhook("{'url':'https://x.example/','retry':{'attempts':'many'}}")},
        Wrong{"schema", "ERROR", "nodes.a.content.actions[0]",
              flow_text(node_text("a", "action", "{'actions':[{'type':'increment'}]}"))},
        Wrong{"dangling-edge", "ERROR", "nodes.a.content.connections[0]",
              flow_text(node_text("a", "composite",
                                  "{'entry_node_id':'a','nodes':[" + message() + "],'connections':[" +
                                      edge_text("a", "z") + "]}"))}));

// Edges of one label are told apart by their conditions; two to the same node are one.
TEST(Validate, EdgesOfOneLabelAreLegalWithConditions) {
  const std::string nodes = node_text("a", "question", "{'question':'?'}") + "," + message("b") + "," + message("c");
  const auto when = [](const std::string& condition) {
    return "{'source_node_id':'a','target_node_id':'c','connection_type':'default'," + condition + "},";
  };
  for (const std::string& condition : {when("'condition':'user.x == 1'"), when("'conditions':{'var':'user.x','eq':1}"),
                                       when("'info':{'condition':'user.x == 1'}"), edge_text("a", "b") + ","})
    EXPECT_EQ(shown(validate(
                  j(flow_text(nodes + "," + message("d"), condition + edge_text("a", "b") + "," + edge_text("b", "d") +
                                                              "," + edge_text("a", "c", "$0"))))),
              "")
        << condition;
}

Json bookbot() {
  return j(
      "{'name':'bookbot','version':'1.0','entry_node_id':'ask','conditions':{'teen':{'and':[{'var':'user.age','gte':13}"
      ",{'var':'user.age','lt':18}]}},"
      "'nodes':[" +
      node_text(
          "ask", "question",
          "{'question':'How old?','input_type':'number','variable':'user.age','validation':{'min':3,'max':120}}") +
      "," + node_text("by", "condition", "{'conditions':[{'if':{'$ref':'teen'},'then':'books'}],'else':'bye'}") + "," +
      node_text("books", "webhook",
                "{'url':'https://books.example.org/r','headers':{'Authorization':'Bearer "
                "{{secret:books_token}}'},'timeout':10,"
                "'retry':{'attempts':3,'delay':1,'backoff':2},'response_mapping':{'temp.n':'$.n'}}") +
      "," + node_text("bye", "message", "{'messages':[{'type':'text','text':'{{temp.n}} books'}]}") +
      "],'connections':[" + edge_text("ask", "by") + "," + edge_text("books", "bye", "success") + "," +
      edge_text("books", "bye", "failure") + "]}");
}

TEST(Validate, AGoodFlowHasNoFindings) {
  EXPECT_EQ(shown(validate(bookbot())), "");
}

TEST(Validate, SecretsAndSubflowsAreCheckedAgainstWhatExists) {
  ValidateOptions options;
  options.secrets.emplace();
  EXPECT_EQ(
      shown(validate(bookbot(), options)),
      "WARNING unknown-secret nodes.books.content.headers.Authorization: secret 'books_token' is not known here\n");
  options.secrets->insert("books_token");
  EXPECT_EQ(shown(validate(bookbot(), options)), "");
  options.flows.emplace();
  const Json caller = j(flow_text(node_text("a", "composite", "{'flow':'other'}")));
  EXPECT_EQ(shown(validate(caller, options)),
            "ERROR unknown-subflow nodes.a.content.flow: the composite calls 'other', which is no published flow\n");
  options.flows->insert("other");
  EXPECT_EQ(shown(validate(caller, options)), "");
}

TEST(Validate, RequiringHttpsMakesItAnError) {
  ValidateOptions options;
  options.require_https = true;
  EXPECT_TRUE(has_errors(validate(j(webhook("{'url':'http://x.example/'}")), options)));
  const Json own =
      j(flow_text(node_text("a", "webhook", "{'url':'http://x.example/'}"), "", ",'settings':{'require_https':true}"));
  EXPECT_TRUE(has_errors(validate(own)));
}

TEST(Validate, OperatorsAddRulesOfTheirOwn) {
  ValidateOptions options;
  options.more.push_back({"house-style", Severity::kWarning, "node", "!it.id.matches('^[a-z_]+$')",
                          "'{id}' is not in lower case", "rename it"});
  const std::vector<Finding> findings =
      validate(j("{'name':'f','entry_node_id':'A','nodes':[" + message("A") + "],'connections':[]}"), options);
  EXPECT_EQ(shown(findings), "WARNING house-style nodes.A: 'A' is not in lower case\n");
}

TEST(Validate, ARuleThatFailsIsAWarning) {
  ValidateOptions options;
  options.more.push_back({"broken", Severity::kError, "node", "it.nothing.of_that == 1", "x", "y"});
  options.more.push_back({"unreadable", Severity::kError, "node", "it.id ==", "x", "y"});
  const std::vector<Finding> findings = validate(j(flow_text(message())), options);
  ASSERT_EQ(findings.size(), 2U) << shown(findings);
  for (const Finding& finding : findings) EXPECT_EQ(finding.severity, Severity::kWarning);
}

TEST(Validate, WhatIsNoFlowHasFindings) {
  for (const char* text : {"1", "[]", "{}", "{'nodes':1,'connections':{}}",
                           "{'nodes':[1,null],'connections':[2],'settings':[],'conditions':3,'variables':4}"}) {
    EXPECT_TRUE(has_errors(validate(j(text)))) << text;
  }
}

}  // namespace
}  // namespace sluice::flow
