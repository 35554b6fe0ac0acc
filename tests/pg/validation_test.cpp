// Validation in SQL and in C++: the same findings, word for word, for every rule that both ask.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/flow/validate/validate.h"
#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

// These need CEL, JSON Schemas or the workers' secrets; everything else is asked by both.
const std::set<std::string> kOnlyInCpp{"schema", "bad-expression", "always-true-condition", "unreachable-condition",
                                       "unknown-secret"};

std::string with_quotes(std::string text) {
  std::ranges::replace(text, '\'', '"');
  return text;
}

std::string node(const std::string& type, const std::string& content, const std::string& id = "a") {
  return "{'node_id':'" + id + "','node_type':'" + type + "','content':" + content + "}";
}

std::string flow(const std::string& nodes, const std::string& connections = "", const std::string& more = "") {
  return "{'name':'judged','entry_node_id':'a','nodes':[" + nodes + "],'connections':[" + connections + "]" + more +
         "}";
}

std::string edge(const std::string& from, const std::string& to, const std::string& label = "default") {
  return "{'source_node_id':'" + from + "','target_node_id':'" + to + "','connection_type':'" + label + "'}";
}

std::string inside(const std::string& nodes, const std::string& connections = "") {
  return flow(node("composite", "{'entry_node_id':'i','nodes':[" + nodes + "],'connections':[" + connections + "]}"));
}

// Flows that are wrong in every way that a rule names, and some that are right.
std::vector<std::string> flows() {
  std::vector<std::string> all{
      flow(node("message", "{'text':'hi'}")),
      "{'name':'judged','nodes':[" + node("message", "{'text':'hi'}") + "]}",
      flow(node("message", "{'text':'hi'}", "b")),
      flow(node("message", "{'text':'x'}") + "," + node("message", "{'text':'y'}", "b")),
      flow(node("message", "{'text':'x'}"),
           edge("a", "nowhere") + "," + edge("ghost", "a") + "," + edge("a", "a", "$x")),
      flow(node("message", "{'text':'x'}") + "," + node("condition", "{'conditions':[{'if':'true','then':'a'}]}", "b") +
               "," + node("message", "{'text':'x'}", "c"),
           edge("a", "b") + "," + edge("c", "c")),
      flow(node("condition",
                "{'conditions':[{'if':'user.x','then':'nowhere','else':'gone'},{'if':'user.x','then':'$1',"
                "'else':'lost'}],'else':'never','default_path':'$0'}")),
      flow(node("message", "{'text':'x'}"), "",
           ",'settings':{'fallback_node':'q','max_steps':'many','max_turns':0,'session_timeout':1e10},'variables':{'a "
           "b':{},'ok':{}}"),
      flow(node("message", "{'text':'x'}"), "", ",'settings':{'fallback_node':7,'max_turns':3}"),
      flow(node("composite", "{'flow':'nowhere'}")),
      flow(node("composite", "{'flow':'judged'}")),
      inside("{'node_type':'message','content':{'text':'x'}}"),
      inside(node("message", "{'text':'x'}", "i") + "," + node("message", "{'text':'{{sky.x}}'}", "i")),
      inside(node("what", "{}", "i") + "," + node("webhook", "{'url':'http://10.1.1.1/'}", "w"), edge("i", "z")),
  };
  const std::string three = node("question", "{'question':'?'}") + "," + node("message", "{'text':'x'}", "b") + "," +
                            node("message", "{'text':'x'}", "c");
  all.push_back(flow(three, edge("a", "b") + "," + edge("a", "c") + "," + edge("a", "b") + "," + edge("a", "c", "$0")));
  for (const char* condition : {"'condition':'user.x'", "'conditions':{'and':[]}", "'info':{'condition':'user.x'}",
                                "'conditions':{}", "'conditions':[]", "'conditions':''", "'condition':''"})
    all.push_back(flow(three, edge("a", "b") + ",{'source':'a','target':'c'," + condition + "}"));
  all.push_back(inside(node("message", "{'text':'x'}", "i") + "," + node("question", "{'text':'x'}", "k") + "," +
                           node("message", "{'text':'x'}", "l"),
                       edge("i", "k") + "," + edge("i", "l")));
  for (const char* inner : {"message", "question"})
    all.push_back(flow(
        node("message", "{'text':'x'}") + "," +
            node(
                "composite",
                "{'entry_node_id':'i','nodes':[" +
                    node("composite", "{'entry_node_id':'k','nodes':[" + node(inner, "{'text':'x'}", "k") + "]}", "i") +
                    "]}",
                "b"),
        edge("a", "b") + "," + edge("b", "a")));
  for (const char* type : {"teleport", "message", "question", "condition", "action", "webhook", "composite", "script"})
    all.push_back(flow(node(type, "{}")));
  for (const char* content :
       {"{'messages':[]}", "{'messages':[],'text':'x'}", "{'messages':[{'text':''},'x']}", "{'text':''}",
        "{'text':null}", "{'content_id':'x'}", "{'type':'image'}", "{'messages':{}}",
        "{'text':'{{sky.blue}} {{user.x}} {{ x }} {{{y}} {{a {{user.b}}'}",
        "{'messages':[{'text':'ok','deep':{'list':['{{secret:}}','{{secret:k}}','{{user}}','{{}}','{{a}b}}']}}]}"})
    all.push_back(flow(node("message", content)));
  for (const char* content :
       {"{'question':''}", "{'question':{}}", "{'question':{'text':''}}", "{'text':'?'}", "{'content_id':'c'}",
        "{'question':'?','input_type':'smell'}", "{'question':'?','input_type':7}",
        "{'question':'?','input_type':'choice'}", "{'question':'?','input_type':'choice','options':[1]}",
        "{'question':'?','input_type':'buttons','buttons':[1,2]}",
        "{'question':'?','input_type':'choice','options':'{{user.o}}'}",
        "{'question':'?','input_type':'choice','choices':[1,2,3,4,5,6,7,8,9,10,11]}", "{'question':'?','timeout':600}",
        "{'question':'?','timeout':null}", "{'question':'?','variable':'1x'}", "{'question':'?','variable':''}",
        "{'question':'?','variable':'user.age'}"})
    all.push_back(flow(node("question", content)));
  for (const char* content :
       {"{'actions':[{'type':'explode'},{'type':'clear','variable':'a; drop'},{}]}", "{'actions':{}}",
        "{'actions':[{'type':'set_variable','params':{'target':'9'}}]}",
        "{'actions':[{'type':'api_call','url':'ftp://x/'},{'type':'api_call','params':{'url':''}}]}"})
    all.push_back(flow(node("action", content)));
  for (const char* content :
       {"{'url':'https://a:b@example.org/'}", "{'url':'http://example.org/'}", "{'url':'HTTPS://LOCALHOST:8443/'}",
        "{'url':'https://[::1]:80/'}", "{'url':'https://[fd00::1]/'}", "{'url':'https://172.20.1.1/x?y=http://z'}",
        "{'url':'https:///x'}", "{'url':'example.org'}", "{'url':'{{user.url}}'}", "{'url':'https://x.example/?a=b@c'}",
        "{'url':7}", "{'url':'https://x.example/','timeout':301}", "{'url':'https://x.example/','timeout':0}",
        "{'url':'https://x.example/','timeout':'soon'}", "{'url':'https://x.example/','timeout':121}",
        "{'url':'https://x.example/','timeout':null}", "{'url':'https://x.example/','headers':{'X-API-KEY':'k'}}",
        "{'url':'https://x.example/','headers':{'X-Other':'{{sun.k}}'}}", "{'url':'https://user@x@y.internal/'}"})
    all.push_back(flow(node("webhook", content)));
  all.push_back(flow(node("webhook", "{'url':'http://x.example/'}"), "",
                     ",'settings':{'require_https':true,'fallback_node':'a'}"));
  all.push_back(
      flow(node("message", "{'text':'x'}") + "," + node("message", "{'text':'x'}", "b") + "," +
               node("message", "{'text':'x'}", "d") + "," + node("message", "{'text':'x'}", "c"),
           edge("a", "b") + "," + edge("b", "a") + "," + edge("b", "d") + "," + edge("d", "c") + "," + edge("c", "d")));
  return all;
}

std::string line(const std::string& severity, const std::string& rule, const std::string& path,
                 const std::string& message, const std::string& fix) {
  return fmt::format("{} {} {}: {} ({})\n", severity, rule, path, message, fix);
}

std::string joined(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  std::string text;
  for (const auto& each : lines) text += each;
  return text;
}

class Validation : public PgTest {
 protected:
  Validation() : PgTest(test::TestDatabase::From::kTemplate) {}

  std::string import(const std::string& document) {
    return value(*connection_, "select sluice.import_flow($1)::text",
                 Params().jsonb(*parse_json(with_quotes(document))));
  }
  std::string in_sql(const std::string& flow_id, const std::string& function = "sluice.validate_flow") {
    std::vector<std::string> lines;
    const Result found =
        query(*connection_, "select severity, rule, path, message, fix from " + function + "($1::text::uuid)",
              Params().text(flow_id));
    for (const Row row : found)
      lines.push_back(line(row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2),
                           row.get<std::string>(3), row.get<std::string>(4)));
    return joined(std::move(lines));
  }
  std::string in_cpp(const std::string& flow_id, const std::set<std::string>& without) {
    const Result subject =
        query(*connection_, "select document::text, flows from sluice.validation_subject($1::text::uuid)",
              Params().text(flow_id));
    const auto flows = subject.one().get<std::vector<std::string>>(1);
    flow::ValidateOptions options;
    options.flows.emplace(flows.begin(), flows.end());
    std::vector<std::string> lines;
    for (const flow::Finding& found : flow::validate(subject.one().get<Json>(0), options)) {
      if (!without.contains(found.rule))
        lines.push_back(line(std::string(to_text(found.severity)), found.rule, found.path, found.message, found.fix));
    }
    return joined(std::move(lines));
  }

  std::unique_ptr<Connection> connection_ = connect();
};

TEST_F(Validation, SqlAndCppSayTheSame) {
  std::set<std::string> rules;
  for (const std::string& document : flows()) {
    const std::string id = import(document);
    const std::string expected = in_cpp(id, kOnlyInCpp);
    EXPECT_EQ(in_sql(id), expected) << document;
    for (const flow::Rule& rule : flow::built_in_rules()) {
      if (expected.find(" " + rule.name + " ") != std::string::npos) rules.insert(rule.name);
    }
  }
  // Each rule was asked of a flow that breaks it.
  for (const flow::Rule& rule : flow::built_in_rules())
    EXPECT_TRUE(rules.contains(rule.name) || kOnlyInCpp.contains(rule.name)) << rule.name;
}

TEST_F(Validation, AStoredReportIsTheAnswerUntilDraftOrRulesChange) {
  const std::string id = import(flow(node("message", "{'text':''}")));
  const std::string here = in_sql(id);
  const std::string key =
      value(*connection_, "select key from sluice.validation_subject($1::text::uuid)", Params().text(id));
  const Json report = *parse_json(R"([{"path":"p","severity":"INFO","rule":"r","message":"m","fix":"f"}])");
  const auto store = [&](const std::string& with_key) {
    return value(*connection_, "select sluice.store_report($1::text::uuid, $2, $3)::text",
                 Params().text(id).text(with_key).jsonb(report));
  };
  EXPECT_EQ(store("of another draft"), "false");
  EXPECT_EQ(in_sql(id), here);
  EXPECT_EQ(store(key), "true");
  EXPECT_EQ(in_sql(id), "INFO r p: m (f)\n");
  (void)query(*connection_, "select sluice.switch_validation_rule('not-https', false)");
  EXPECT_EQ(in_sql(id), here);
  (void)query(*connection_, "select sluice.switch_validation_rule('not-https', true)");
  EXPECT_EQ(in_sql(id), "INFO r p: m (f)\n");
  EXPECT_EQ(import(flow(node("message", "{'text':'other'}"))), id);
  EXPECT_EQ(in_sql(id), "");
}

// Whoever may store a report cannot publish a flow that would not run.
TEST_F(Validation, AnEmptyReportDoesNotPublishABrokenFlow) {
  const std::string id = import(flow(node("teleport", "{}")));
  (void)query(*connection_,
              "select sluice.store_report(f.id, s.key, '[]') from sluice.flow_definitions f, "
              "sluice.validation_subject(f.id) s");
  EXPECT_EQ(in_sql(id), "");
  const PgError error =
      error_of(connection_->query("select sluice.publish_flow($1::text::uuid)", Params().text(id), patience()));
  EXPECT_EQ(error.sqlstate(), "SL004");
}

TEST_F(Validation, OperatorsSwitchOffAndAddRules) {
  const std::string id = import(flow(node("message", "{'text':''}")));
  EXPECT_NE(in_sql(id).find("empty-message"), std::string::npos);
  (void)query(*connection_, "select sluice.switch_validation_rule('empty-message', false)");
  EXPECT_EQ(in_sql(id), "");
  (void)query(*connection_,
              "select sluice.set_validation_rule('house-style', 'node', 'ERROR', 'it.id == \"a\"', '{id} is no name')");
  EXPECT_EQ(in_sql(id), line("WARNING", "house-style", "", "the rule could not be evaluated: it needs CEL",
                             "run: sluice flow validate judged"));
  for (const char* bad : {"'x', 'nothing', 'ERROR', 'true', 'm'", "'x', 'node', 'FATAL', 'true', 'm'",
                          "'', 'node', 'ERROR', 'true', 'm'", "'x', 'node', 'ERROR', null, 'm'"}) {
    const std::string statement = fmt::format("select sluice.set_validation_rule({})", bad);
    EXPECT_EQ(error_of(connection_->query(statement, {}, patience())).sqlstate(), "SL005") << bad;
  }
}

}  // namespace
}  // namespace sluice::pg
