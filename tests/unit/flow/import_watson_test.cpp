#include <set>

#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

std::string dialog_node(const std::string& id, const std::string& condition, const std::string& text,
                        const std::string& more = "") {
  return "{'dialog_node':'" + id + "','type':'standard','conditions':'" + condition +
         "','output':{'text':{'values':['" + text + "']}}" + (more.empty() ? "" : "," + more) + "}";
}

Imported workspace(const std::string& nodes) {
  return import_flow(j("{'name':'W','intents':[{'intent':'greet','examples':[{'text':'Hello there'},{'text':'hi'}]}],"
                       "'entities':[{'entity':'drink','values':[{'value':'tea','synonyms':['chai']},{'value':'coffee','"
                       "synonyms':['java']}]}],'dialog_nodes':[" +
                       nodes + "]}"),
                     Format::kWatson);
}

// The `if` that a node's condition becomes.
std::string translated(const std::string& condition) {
  Json document =
      j("{'name':'W','intents':[{'intent':'greet','examples':[]}],'entities':[{'entity':'drink','values':[{'value':'"
        "tea'}]}],"
        "'dialog_nodes':[{'dialog_node':'n','type':'standard'}]}");
  set((*find(document, "dialog_nodes"))[0], "conditions", condition);
  const Imported result = import_flow(document, Format::kWatson);
  const Json* node = node_of(result.flow, "understand");
  std::string text = to_text(*find((*find(*find(*node, "content"), "conditions"))[0], "if"));
  std::replace(text.begin(), text.end(), '"', '\'');
  return text;
}

TEST(ImportWatson, ConditionsBecomeCel) {
  EXPECT_EQ(translated("$step == 'Start' && $count > 3"),
            R"('(has(variables.step) && variables.step == \'Start\') && (variables.count > 3)')");
  EXPECT_EQ(translated("#greet"), "{'$ref':'intent greet'}");
  EXPECT_EQ(translated("#greet || @drink:tea"), "{'or':[{'$ref':'intent greet'},{'$ref':'entity drink:tea'}]}");
  EXPECT_EQ(translated("!#greet and true"), "{'and':[{'not':{'$ref':'intent greet'}},'true']}");
  EXPECT_EQ(translated("$x == null"), "'!has(variables.x) || variables.x == null'");
  EXPECT_EQ(translated("$x != 5"), "'!(has(variables.x) && variables.x == 5)'");
  EXPECT_EQ(translated("$x"), "'has(variables.x) && !(variables.x in [null, false])'");
  EXPECT_EQ(translated("input.text.contains('a') && context['n'] + 1 < 5"),
            R"('temp.said.contains(\'a\') && ((variables.n + 1) < 5)')");
  EXPECT_EQ(translated("@sys-number > 5"), "'(double(temp.said)) > 5'");
}

TEST(ImportWatson, WhatCannotBeTranslatedIsFalseAndAnError) {
  const Imported result = workspace(dialog_node("n", "T(java.lang.Runtime).exec()", "x"));
  EXPECT_NE(shown(result.report)
                .find("ERROR dialog_nodes[0]: the condition 'T(java.lang.Runtime).exec()' could not be translated"),
            std::string::npos)
      << shown(result.report);
}

TEST(ImportWatson, ATreeIsAskedLevelByLevel) {
  const Imported result =
      workspace(dialog_node("w", "conversation_start", "Welcome") + "," +
                dialog_node("g", "#greet", "Hello, what will it be?", "'previous_sibling':'w'") + "," +
                dialog_node("t", "@drink:tea", "Tea, fine", "'parent':'g'") + "," +
                dialog_node("c", "@drink", "So it is @drink", "'parent':'g','previous_sibling':'t'") + "," +
                dialog_node("a", "anything_else", "Pardon?", "'previous_sibling':'g'"));
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  EXPECT_FALSE(has_errors(validate(result.flow))) << shown(validate(result.flow));
  expect_stable(result.flow);
  Talk talk(flow_set(result.flow));
  talk.start();
  EXPECT_EQ(talk.texts.back(), "Welcome");
  talk.say("'what?'");
  EXPECT_EQ(talk.texts.back(), "Pardon?");
  talk.say("'HELLO there'");
  EXPECT_EQ(talk.texts.back(), "Hello, what will it be?");
  talk.say("'Some java please'");
  EXPECT_EQ(talk.texts.back(), "So it is coffee");
  talk.say("'hi'").say("'chai!'");
  EXPECT_EQ(talk.texts.back(), "Tea, fine");
}

TEST(ImportWatson, ContextIsSetBeforeItIsSaid) {
  const Imported result = workspace(dialog_node("w", "welcome", "You have $count of $$price",
                                                "'context':{'count':'<? $count + 1 ?>','price':3,'gone':null}"));
  Talk talk(flow_set(result.flow), j("{'variables':{'count':4}}"));
  talk.start();
  EXPECT_EQ(talk.texts.back(), "You have 5 of $3");
}

TEST(ImportWatson, SlotsAskUntilTheyAreFilledAsTheyShould) {
  const Imported result = workspace(
      "{'dialog_node':'f','type':'frame','conditions':'welcome','output':{'text':'Booked for $people'}},"
      "{'dialog_node':'s','type':'slot','parent':'f','variable':'$people'},"
      "{'dialog_node':'h1','type':'event_handler','event_name':'focus','parent':'s','output':{'text':'For how many?'}},"
      "{'dialog_node':'h2','type':'event_handler','event_name':'input','parent':'s','previous_sibling':'h1','"
      "conditions':'@sys-number','context':{'people':'@sys-number'}},"
      "{'dialog_node':'h3','type':'event_handler','event_name':'filled','parent':'s','previous_sibling':'h2','"
      "conditions':'$people > 8','output':{'text':'Too many.'},"
      "'next_step':{'behavior':'reprompt'}}");
  Talk talk(flow_set(result.flow));
  talk.start();
  EXPECT_EQ(talk.texts.back(), "For how many?");
  talk.say("20");
  EXPECT_EQ(talk.texts, (std::vector<std::string>{"Too many.", "For how many?"}));
  talk.say("4");
  EXPECT_EQ(talk.texts.back(), "Booked for 4");
}

TEST(ImportWatson, RingsOfSiblingsAndParentsEnd) {
  const Imported result =
      workspace(dialog_node("a", "true", "A", "'parent':'b','previous_sibling':'a'") + "," +
                dialog_node("b", "true", "B", "'parent':'a'") + "," + dialog_node("c", "true", "C"));
  EXPECT_NE(shown(result.report).find("belongs to no node that is used"), std::string::npos);
  EXPECT_NE(node_of(result.flow, "understand"), nullptr);
}

TEST(ImportWatson, TheBankIsPlayedToAnAppointmentAndACard) {
  const Json document = shared_flow("watson/bank_simple_workspace.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const Imported result = import_flow(document, Format::kWatson);
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  const std::vector<Finding> findings = validate(result.flow);
  EXPECT_FALSE(has_errors(findings)) << shown(findings);
  expect_stable(result.flow);

  Talk talk(flow_set(result.flow), j("{'context':{'now':'2026-03-04T10:00:00Z'}}"));
  talk.start();
  EXPECT_EQ(talk.texts.front(), "Hello, I am the bank's Virtual Agent.");
  talk.say("'I want to book an appointment with a banker'");
  ASSERT_EQ(talk.texts.back().substr(0, 39), "Which date would be best for you? We ne")
      << testing::PrintToString(talk.texts);
  talk.say("'2026-01-01'");
  EXPECT_EQ(talk.texts.front(), "Unfortunately that's a date in the past, please enter a future date.");
  talk.say("'2026-03-10'");
  EXPECT_EQ(talk.texts.back(), "What time would you like to meet with our banker?");
  talk.say("'06:00'");
  EXPECT_EQ(talk.texts.front().substr(0, 36), "It looks like you mentioned 06:00. U");
  talk.say("'10:30'").say("'12345'");
  ASSERT_GE(talk.texts.size(), 3U);
  EXPECT_EQ(talk.texts[2], "I found 5 nearby bank branches. Which one would you like to go to?")
      << testing::PrintToString(talk.texts);
  talk.say("'3'");
  EXPECT_NE(talk.texts.front().find("location 3"), std::string::npos) << testing::PrintToString(talk.texts);

  Talk card(flow_set(result.flow), j("{'context':{'now':'2026-03-04T10:00:00Z'}}"));
  card.start().say("'Help me choose a credit card'").say("'I want to save money'");
  EXPECT_EQ(card.state("variables.current_step"), "'SavingFirst'") << testing::PrintToString(card.texts);
  card.say("'yes'").say("'cash back'");
  EXPECT_EQ(card.state("variables.current_step"), "'SavingFirstRewardsCompleted'")
      << testing::PrintToString(card.texts);
  EXPECT_EQ(card.status(), "active");
}

// Every intent of the bank by its first example: the bank answers, and nothing fails on the way. Two of its nodes have
// nothing to say in the original either.
TEST(ImportWatson, TheBankAnswersEveryIntent) {
  const Json document = shared_flow("watson/bank_simple_workspace.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const FlowSet flows = flow_set(import_flow(document, Format::kWatson).flow);
  std::set<std::string> visited;
  std::string silent;
  int misunderstood = 0;
  for (const Json& intent : find(document, "intents")->GetArray()) {
    std::string said = to_text(*find((*find(intent, "examples"))[0], "text"));
    for (auto at = said.find('\''); at != std::string::npos; at = said.find('\'', at)) said.replace(at, 1, "\\u0027");
    Talk talk(flows, j("{'context':{'now':'2026-03-04T10:00:00Z'}}"));
    talk.start().say(said);
    for (const Step& step : talk.steps) visited.insert(step.path.begin(), step.path.end());
    ASSERT_FALSE(talk.texts.empty()) << said;
    if (talk.texts.front().empty()) silent += said;
    if (talk.texts.front().starts_with("I'm not sure what you mean")) ++misunderstood;
    EXPECT_EQ(talk.info("last_error"), "-") << said;
    EXPECT_EQ(talk.status(), "active") << said;
  }
  EXPECT_EQ(silent, "\"reset my password\"\"just move on\"");
  EXPECT_LE(misunderstood, 4);
  EXPECT_GE(visited.size(), 130U);
}

// What is said, and what the answer to it holds.
using Script = std::vector<std::pair<std::string, std::string>>;

TEST(ImportWatson, TheBankIsPlayedToTheEndsOfItsPathways) {
  const Json document = shared_flow("watson/bank_simple_workspace.json");
  if (document.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  const FlowSet flows = flow_set(import_flow(document, Format::kWatson).flow);
  const std::vector<Script> scripts{
      {{"I want to talk to someone real", "Should I transfer you now?"},
       {"Yes", "Okay, I'll transfer you now."},
       {"No", "you have reached the end of the Live Agent transfer pathway"}},
      {{"gibberish", "I'm not sure what you mean. I'm still in training"},
       {"more gibberish", "Should I transfer you now?"},
       {"yes", "you have reached the end of the Live Agent transfer pathway"}},
      {{"can you help me with my credit card bill", "Please select which credit card account you'd like to pay."},
       {"5624", "Your payment for credit card 5624 is due on"},
       {"the due date", "When would you like to pay?"},
       {"2026-03-06", "How much would you like to pay on your credit card?"},
       {"1", "Unfortunately that's less than the minimum amount"},
       {"100", "Is this information correct?"},
       {"yes", "Thank you for your payment. Your statement balance has been updated."}},
      {{"can you help me with my credit card bill", "Please select"},
       {"other", "Would you like to go back and select an account?"},
       {"no", "If you change your mind feel free to start the demonstration"}},
      {{"I want card replacement same day", "is this for a lost card"},
       {"lost", "you can only receive a replacement card by talking to one of our Live Agents"},
       {"bye", "Goodbye, I look forward to helping you again!"}},
      {{"Can I sign up for an account?", "a Checking Account or a Savings Account?"},
       {"savings account", "simply apply on our Savings Accounts page."}},
      {{"I need a SMS number customer service", "In which state would you like to call us?"},
       {"California", "You can contact us on 888-111-222-333."}},
      {{"change credit card without applying again", "best suited to your needs?"},
       {"yes", "What are you looking for most in a credit card?"},
       {"rewards", "Which of these do you prefer?"},
       {"travel", "Here is the Travel Rewards credit card best suited to your needs."}},
      {{"I want to book an appointment", "Which date would be best for you?"},
       {"2026-03-10", "What time would you like to meet with our banker?"},
       {"10:30", "What is your zip code?"},
       {"12345", "I found 5 nearby bank branches."},
       {"2", "can you tell me what is the purpose of the appointment?"},
       {"credit card", "Okay your appointment is confirmed."}}};
  for (const Script& script : scripts) {
    SCOPED_TRACE(script.front().first);
    Talk talk(flows, j("{'context':{'now':'2026-03-04T10:00:00Z'}}"));
    talk.start();
    for (const auto& [line, answer] : script) {
      talk.say("'" + line + "'");
      EXPECT_NE(fmt::format("{}", fmt::join(talk.texts, "\n")).find(answer), std::string::npos)
          << "> " << line << "\n"
          << testing::PrintToString(talk.texts);
    }
    EXPECT_EQ(talk.info("last_error"), "-");
  }
}

}  // namespace
}  // namespace sluice::flow
