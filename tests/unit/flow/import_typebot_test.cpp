#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

// A bot of one group of blocks, with two variables; edges are given as JSON.
Imported bot(const std::string& blocks, const std::string& more_groups = "", const std::string& edges = "") {
  return import_flow(j("{'version':'6','name':'B','events':[{'id':'start','type':'start','outgoingEdgeId':'e0'}],"
                       "'groups':[{'id':'g','title':'Group','blocks':[" +
                       blocks + "]}" + more_groups +
                       "],"
                       "'edges':[{'id':'e0','from':{'eventId':'start'},'to':{'groupId':'g'}}" +
                       edges +
                       "],"
                       "'variables':[{'id':'v1','name':'Lead Score'},{'id':'v2','name':'City'}]}"),
                     Format::kTypebot);
}

std::string text_block(const std::string& text) {
  return "{'id':'" + text + "','type':'text','content':{'richText':[{'type':'p','children':[{'text':'" + text +
         "'}]}]}}";
}

std::string set_block(const std::string& id, const std::string& expression) {
  return "{'id':'s" + id + "','type':'Set variable','options':{'variableId':'" + id + "','expressionToEvaluate':'" +
         expression + "'}}";
}

TEST(ImportTypebot, BubblesJoinAndTheLastIsTheQuestion) {
  const Imported result = bot(text_block("One") + "," + text_block("Two") + "," + text_block("Name?") +
                              ",{'id':'i','type':'text input','options':{'variableId':'v2'}}");
  EXPECT_EQ(string_member(result.flow, "entry_node_id"), "group");
  EXPECT_EQ(content_text(result.flow, "group"),
            "{'messages':[{'type':'text','text':'One'},{'type':'text','text':'Two'}]}");
  EXPECT_EQ(content_text(result.flow, "group_ask"), "{'question':'Name?','input_type':'text','variable':'temp.city'}");
  EXPECT_EQ(ways(result.flow, "group"), "default → group_ask");
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  expect_stable(result.flow);
}

TEST(ImportTypebot, ScoresStayIntegersAndTextsStayTexts) {
  const Imported result =
      bot(set_block("v1", "0") + "," + set_block("v1", "{{Lead Score}} + 10") + "," + set_block("v2", "Paris"));
  EXPECT_EQ(content_text(result.flow, "group"),
            "{'actions':[{'type':'set_variable','variable':'temp.lead_score','value':0},"
            "{'type':'calculate','variable':'temp.lead_score','expression':'temp.lead_score + 10'},"
            "{'type':'set_variable','variable':'temp.city','value':'Paris'}]}");
}

TEST(ImportTypebot, ArithmeticOverAnswersIsMadeOnDoubles) {
  const Imported result = bot("{'id':'i','type':'number input','options':{'variableId':'v1'}}," +
                              set_block("v2", "({{Lead Score}} + 1) / 2"));
  EXPECT_EQ(
      content_text(result.flow, "group_set"),
      "{'actions':[{'type':'calculate','variable':'temp.city','expression':'(double(temp.lead_score) + 1.0) / 2.0'}]}");
}

TEST(ImportTypebot, JavaScriptIsHandedToTheClientAndSaidSo) {
  const Imported result = bot(set_block("v1", "return Math.random()"));
  const Json* node = node_of(result.flow, "group");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(string_member(*node, "node_type"), "script");
  EXPECT_NE(shown(result.report).find("WARNING groups[0].blocks[0]: JavaScript is not run here"), std::string::npos)
      << shown(result.report);
}

TEST(ImportTypebot, ChoicesWithEdgesOfTheirOwn) {
  const Imported result = bot(text_block("Ok?") +
                                  ",{'id':'c','type':'choice input','outgoingEdgeId':'e2','items':["
                                  "{'id':'i0','content':'Yes','outgoingEdgeId':'e1'},{'id':'i1','content':'No'}]}",
                              ",{'id':'g1','title':'Good','blocks':[" + text_block("Fine") +
                                  "]},{'id':'g2','title':'Bad','blocks':[" + text_block("Sad") + "]}",
                              ",{'id':'e1','from':{'blockId':'c','itemId':'i0'},'to':{'groupId':'g1'}},{'id':'e2','"
                              "from':{'blockId':'c'},'to':{'groupId':'g2'}}");
  EXPECT_EQ(content_text(result.flow, "group"), "{'question':'Ok?','input_type':'choice','options':['Yes','No']}");
  EXPECT_EQ(ways(result.flow, "group"), "$0 → good, default → bad");
}

struct Comparison {
  const char* comparison;
  const char* expected;

  friend void PrintTo(const Comparison& one, std::ostream* out) { *out << one.comparison; }
};

class TypebotComparison : public testing::TestWithParam<Comparison> {};

TEST_P(TypebotComparison, BecomesACondition) {
  const Imported result =
      bot("{'id':'n','type':'number input','options':{'variableId':'v1'}},{'id':'t','type':'text "
          "input','options':{'variableId':'v2'}},"
          "{'id':'c','type':'Condition','items':[{'id':'i','content':{'comparisons':[" +
          std::string(GetParam().comparison) + "]}}]}");
  const std::string content = content_text(result.flow, "group_if");
  const std::string expected =
      "{'conditions':[{'if':" + std::string(GetParam().expected) + ",'then':'$0'}],'else':'default'}";
  EXPECT_EQ(content, expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, TypebotComparison,
    testing::Values(
        Comparison{"{'variableId':'v1','comparisonOperator':'Greater than','value':'30'}",
                   "{'var':'temp.lead_score','gt':30}"},
        Comparison{"{'variableId':'v1','comparisonOperator':'Less than','value':'2.5'}",
                   "{'var':'temp.lead_score','lt':2.5}"},
        Comparison{"{'variableId':'v1','comparisonOperator':'Equal to','value':'3'}",
                   "{'var':'temp.lead_score','eq':3}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Equal to','value':'3'}", "{'var':'temp.city','eq':'3'}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Not equal','value':'x'}",
                   "{'not':{'var':'temp.city','eq':'x'}}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Greater than','value':'3'}", "'double(temp.city) > 3.0'"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Contains','value':'ar'}",
                   "{'var':'temp.city','contains':'ar','ignore_case':true}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Does not contain','value':'ar'}",
                   "{'not':{'var':'temp.city','contains':'ar','ignore_case':true}}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Starts with','value':'P'}",
                   "{'var':'temp.city','starts_with':'P','ignore_case':true}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Ends with','value':'s'}",
                   "{'var':'temp.city','ends_with':'s','ignore_case':true}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Is set'}", "{'not':{'var':'temp.city','is_empty':true}}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Is empty'}", "{'var':'temp.city','is_empty':true}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Matches regex','value':'^P'}",
                   "{'var':'temp.city','matches':'^P'}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Does not match regex','value':'^P'}",
                   "{'not':{'var':'temp.city','matches':'^P'}}"},
        Comparison{"{'variableId':'v2','comparisonOperator':'Equal to','value':'{{Lead Score}}'}",
                   "'temp.city == temp.lead_score'"},
        Comparison{"{'variableId':'v2','value':'x'}", "{'or':[]}"}));

TEST(ImportTypebot, RequestsMapTheirResponses) {
  const Imported result =
      bot("{'id':'w','type':'Webhook','options':{'isCustomBody':true,'responseVariableMapping':[{'variableId':'v2','"
          "bodyPath':'data.items[0].city'},"
          "{'variableId':'v1','bodyPath':'statusCode'}],'webhook':{'url':'https://x.example/{{City}}','method':'POST',"
          "'headers':[{'key':'A','value':'{{City}}'}],'queryParams':[{'key':'q','value':'1'}],'body':'{{City}}'}}}");
  EXPECT_EQ(content_text(result.flow, "group"),
            "{'url':'https://x.example/"
            "{{temp.city}}?q=1','method':'POST','headers':{'A':'{{temp.city}}'},'body':'{{temp.city}}',"
            "'response_mapping':{'temp.city':'$.items[0].city'}}");
  EXPECT_NE(shown(result.report).find("ERROR groups[0].blocks[0]: 'statusCode' of the response"), std::string::npos)
      << shown(result.report);
}

TEST(ImportTypebot, NothingIsLeftOutInSilence) {
  const Imported result = bot("{'id':'p','type':'payment input'}," + text_block("after"));
  EXPECT_NE(shown(result.report).find("ERROR groups[0].blocks[0]: a 'payment input' block has no counterpart here"),
            std::string::npos);
  EXPECT_EQ(string_member(result.flow, "entry_node_id"), "group");
}

TEST(ImportTypebot, RingsOfJumpsLeadNowhere) {
  const Imported result = bot("{'id':'j','type':'Jump','options':{'groupId':'g','blockId':'j'}}");
  EXPECT_TRUE(has_errors(result.report));
  const Imported link = bot("{'id':'j','type':'Typebot link','options':{'typebotId':'current'}}");
  EXPECT_TRUE(has_errors(link.report));
}

class SharedTypebot : public testing::TestWithParam<const char*> {};

TEST_P(SharedTypebot, ImportsWithoutErrorsAndRuns) {
  const Json document = shared_flow(std::string("typebot/") + GetParam());
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Imported result = import_flow(document, Format::kTypebot);
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  const std::vector<Finding> findings = validate(result.flow);
  EXPECT_FALSE(has_errors(findings)) << shown(findings);
  expect_stable(result.flow);
  EXPECT_NO_THROW((void)Flow::from_json(result.flow));
}

INSTANTIATE_TEST_SUITE_P(All, SharedTypebot,
                         testing::Values("lead-scoring.json", "nps.json", "quiz.json", "product-recommendation.json",
                                         "test-chat-linkedBot.json", "test-chat-main.json"));

TEST(ImportTypebot, LeadScoringIsPlayedToItsEnd) {
  const Json document = shared_flow("typebot/lead-scoring.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Imported result = import_flow(document, Format::kTypebot);
  Talk qualified(flow_set(result.flow));
  qualified.start();
  EXPECT_EQ(qualified.texts.back(), "Do you work with a specific company?");
  qualified.say("'Yes'");
  EXPECT_EQ(qualified.state("temp.lead_score"), "10");
  qualified.say("'Acme'").say("50");
  EXPECT_EQ(qualified.state("temp.lead_score"), "30");
  qualified.say("'Developer'");
  EXPECT_EQ(qualified.state("temp.lead_score"), "50");
  qualified.say("'France'");
  EXPECT_EQ(qualified.status(), "completed");
  EXPECT_EQ(qualified.node(), "conclusion_qualified");

  Talk refused(flow_set(result.flow));
  refused.start().say("'No'").say("'Product Owner'").say("'United States'");
  EXPECT_EQ(refused.state("temp.lead_score"), "10");
  EXPECT_EQ(refused.node(), "conclusion_not_qualified");
  EXPECT_EQ(refused.texts.back(), "Bye bye 👋");
}

TEST(ImportTypebot, QuizIsPlayedTwice) {
  const Json document = shared_flow("typebot/quiz.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  Talk talk(flow_set(import_flow(document, Format::kTypebot).flow));
  talk.start().say("'Go!'").say("'Search Engine Optimization'").say("'The text in the top left of a webpage'");
  talk.say("'A fictional representation of a group of customers'").say("'Call To Action'");
  EXPECT_NE(std::ranges::find(talk.texts, "Your score is 15/20."), talk.texts.end())
      << testing::PrintToString(talk.texts);
  talk.say("'Yes!'");
  EXPECT_EQ(talk.texts.back(), "What does SEO stand for?");
  talk.say("'Send Email Out'")
      .say("'A slogan that sticks in a consumer’s mind'")
      .say("'A repeat customer'")
      .say("'Call To Action'");
  EXPECT_NE(std::ranges::find(talk.texts, "Your score is 5/20."), talk.texts.end())
      << testing::PrintToString(talk.texts);
  talk.say("'No, bye!'");
  EXPECT_EQ(talk.status(), "completed");
}

TEST(ImportTypebot, NpsIsPlayedToEachEnd) {
  const Json document = shared_flow("typebot/nps.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Imported result = import_flow(document, Format::kTypebot);
  Talk happy(flow_set(result.flow));
  happy.start().say("'Sure!'").say("9").say("'Love it'").say("'Maybe later'");
  EXPECT_EQ(happy.status(), "completed");
  EXPECT_EQ(happy.state("temp.type"), "'Promoter'");
  Talk sad(flow_set(result.flow));
  sad.start().say("'Sure!'").say("2").say("'Slow'");
  EXPECT_EQ(sad.status(), "completed");
  EXPECT_EQ(sad.state("temp.type"), "'Detractor'");
}

TEST(ImportTypebot, ProductRecommendationIsPlayedToItsEnd) {
  const Json document = shared_flow("typebot/product-recommendation.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  Talk talk(flow_set(import_flow(document, Format::kTypebot).flow));
  talk.start().say("'Ann'");
  EXPECT_EQ(talk.texts.front(), "Ok Ann");
  talk.say("'Europe'")
      .say("'Running'")
      .say("'Other'")
      .say("['Recovery']")
      .say("['Plant-based']")
      .say("['Nuts','Vanilla']")
      .say("'Gluten free'")
      .say("'ann@example.org'");
  EXPECT_EQ(talk.state("temp.goals"), "['Recovery']");
  talk.say("['Vanilla Protein Powder']");
  EXPECT_EQ(talk.status(), "completed") << talk.node() << " " << testing::PrintToString(talk.texts);
}

TEST(ImportTypebot, TheSubBotIsPlayedToItsEnd) {
  const Json document = shared_flow("typebot/test-chat-linkedBot.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  Talk talk(flow_set(import_flow(document, Format::kTypebot).flow));
  talk.start();
  EXPECT_EQ(talk.texts.back(), "How would you rate the experience so far?");
  EXPECT_EQ(talk.say("'lovely'").status(), "active");
  EXPECT_EQ(talk.say("9").status(), "completed");
}

TEST(ImportTypebot, TheTestBotCallsItsSubBot) {
  const Json document = shared_flow("typebot/test-chat-main.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Json linked = shared_flow("typebot/test-chat-linkedBot.json");
  FlowSet flows = flow_set(import_flow(document, Format::kTypebot).flow);
  flows.subflows.emplace("chat-sub-bot", Flow::from_json(import_flow(linked, Format::kTypebot).flow));
  Talk talk(std::move(flows));
  talk.start().say("'Ann'").say("30").say("8").say("'ann@example.org'").say("'https://example.org'").say("'Yes'");
  EXPECT_EQ(talk.status(), "completed") << talk.node() << " " << testing::PrintToString(talk.texts);
}

}  // namespace
}  // namespace sluice::flow
