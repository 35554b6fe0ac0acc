// FLOW 6: questions, choices, messages, content by id, languages.
#include <set>

#include "core/flow/session.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

std::string asked(const std::string& content, const std::string& input) {
  FlowText flow;
  flow.node("q", "question", content).node("ok", "message", "{'text':'ok'}").edge("q", "ok");
  Talk talk(flow);
  talk.start().say(input);
  return talk.node() == "ok" ? talk.state("variables.v") : "! " + talk.texts.front();
}

TEST(Question, TypesAreEnforced) {
  const auto type = [](const std::string& name, const std::string& input) {
    return asked("{'question':'?','variable':'v','input_type':'" + name + "'}", input);
  };
  EXPECT_EQ(type("number", "'15'"), "15");
  EXPECT_EQ(type("number", "{'value':2.5}"), "2.5");
  EXPECT_EQ(type("number", "' -3 '"), "-3");
  EXPECT_EQ(type("number", "'007'"), "7");
  EXPECT_EQ(type("number", "'1,5'"), "! Please enter a number.");
  EXPECT_EQ(type("number", "'NaN'"), "! Please enter a number.");
  EXPECT_EQ(type("email", "'a.b+c@example.org'"), "'a.b+c@example.org'");
  EXPECT_EQ(type("email", "'a@b'"), "! Please enter an email address.");
  EXPECT_EQ(type("email", "'a b@example.org'"), "! Please enter an email address.");
  EXPECT_EQ(type("phone", "'+64 (9) 123-4567'"), "'+64 (9) 123-4567'");
  EXPECT_EQ(type("phone", "'call me'"), "! Please enter a phone number.");
  EXPECT_EQ(type("url", "'https://example.org/a?b=c'"), "'https://example.org/a?b=c'");
  EXPECT_EQ(type("url", "'javascript:alert(1)'").substr(0, 1), "!");
  EXPECT_EQ(type("date", "'2024-02-29'"), "'2024-02-29'");
  EXPECT_EQ(type("date", "'2023-02-29'"), "! Please enter a date as YYYY-MM-DD.");
  EXPECT_EQ(type("file", "{'value':{'url':'https://x.example/f.pdf'}}"), "{'url':'https://x.example/f.pdf'}");
  EXPECT_EQ(type("file", "{'value':3}"), "! Please send a file.");
  EXPECT_EQ(type("text", "'anything <b>'"), "'anything <b>'");
}

TEST(Question, ItsTextMayStandInFourPlaces) {
  for (const char* content :
       {"{'question':'How {{user.n}}?'}", "{'question':{'text':'How {{user.n}}?'}}", "{'text':'How {{user.n}}?'}"}) {
    FlowText flow;
    flow.node("q", "question", content);
    Talk talk(flow, j("{'user':{'n':1}}"));
    EXPECT_EQ(talk.start().texts.front(), "How 1?") << content;
    EXPECT_EQ(string_member(talk.session().wait, "question"), "How 1?") << content;
  }
}

TEST(Question, WithoutAnAnswerItTakesTimeoutElseFailure) {
  FlowText flow;
  flow.node("q", "question", "{'question':'?','timeout':90}")
      .node("late", "message", "{'text':'x'}")
      .node("bad", "message", "{'text':'x'}")
      .edge("q", "bad", "failure");
  Talk talk(flow);
  talk.start();
  EXPECT_EQ(talk.steps[0].deadline, kNow + std::chrono::seconds(90));
  EXPECT_EQ(string_member(talk.session().wait, "deadline"), "2026-03-04T00:01:30.000000Z");
  EXPECT_EQ(talk.wait().node(), "bad");
  flow.edge("q", "late", "timeout");
  EXPECT_EQ(Talk(flow).start().wait().node(), "late");
}

TEST(Question, ImageChoiceAndButtonsAreChoices) {
  EXPECT_EQ(asked("{'question':'?','variable':'v','input_type':'image_choice','options':[{'label':'A','image_url':"
                  "'https://x.example/a.png'},'b']}",
                  "'a'"),
            "{'label':'A','image_url':'https://x.example/a.png'}");
  EXPECT_EQ(asked("{'question':'?','variable':'v','input_type':'buttons','buttons':['Yes','No']}", "'yes'"), "'Yes'");
  EXPECT_EQ(asked("{'question':'?','variable':'v','input_type':'buttons','buttons':['Yes','No']}", "'maybe'"),
            "! Please choose one of: Yes, No.");
}

TEST(Question, ValidationRulesAreEnforced) {
  const auto rule = [](const std::string& validation, const std::string& input) {
    return asked("{'question':'?','variable':'v','validation':" + validation + "}", input);
  };
  EXPECT_EQ(rule("{'required':true}", "'  '"), "! Please give an answer.");
  EXPECT_EQ(rule("{'required':true,'error_message':'Say something, {{user.name}}.'}", "''"), "! Say something, .");
  EXPECT_EQ(rule("{'min_length':3}", "'éé'"), "! Please use at least 3 characters.");
  EXPECT_EQ(rule("{'max_length':2}", "'éé'"), "'éé'");
  EXPECT_EQ(rule("{'pattern':'^[A-Z]+$'}", "'abc'"), "! Please check the format of your answer.");
  EXPECT_EQ(rule("{'pattern':'^[A-Z]+$'}", "'ABC'"), "'ABC'");
  EXPECT_EQ(rule("{'type':'number','min':3}", "'2'"), "! Please give at least 3.");
  EXPECT_EQ(rule("{'type':'number','max':3}", "'4'"), "! Please give at most 3.");
  EXPECT_EQ(rule("{'type':'number','max':3}", "'3'"), "3");
}

TEST(Question, AfterMaxAttemptsItTakesFailure) {
  FlowText flow;
  flow.node("q", "question", "{'question':'?','input_type':'number','max_attempts':2}")
      .node("human", "message", "{'text':'a human comes'}")
      .edge("q", "human", "failure");
  Talk talk(flow);
  EXPECT_EQ(talk.start().say("'x'").node(), "q");
  EXPECT_EQ(talk.say("'y'").node(), "human");
  EXPECT_EQ(talk.state("temp.attempts"), "2");
}

TEST(Question, AChoiceIsMatchedByValuePayloadLabelOrTextAndStoresTheWholeOption) {
  const std::string content =
      "{'question':'?','variable':'v','input_type':'choice','options':[{'value':1,'label':'One'},{'payload':'p2','text'"
      ":'Two'}]}";
  EXPECT_EQ(asked(content, "{'value':1}"), "{'value':1,'label':'One'}");
  EXPECT_EQ(asked(content, "' one '"), "{'value':1,'label':'One'}");
  EXPECT_EQ(asked(content, "{'payload':'p2'}"), "{'payload':'p2','text':'Two'}");
  EXPECT_EQ(asked(content, "'TWO'"), "{'payload':'p2','text':'Two'}");
  EXPECT_EQ(asked(content, "{'payload':'$1'}"), "{'payload':'p2','text':'Two'}");
  EXPECT_EQ(asked(content, "'three'"), "! Please choose one of: One, Two.");
}

TEST(Question, APayloadDollarNOrTheEdgeOfTheIndexWins) {
  FlowText flow;
  flow.node("q", "question", "{'question':'?','variable':'v','options':['a',{'label':'b','payload':'$0'},'c']}")
      .node("zero", "message", "{'text':'x'}")
      .node("two", "message", "{'text':'x'}")
      .node("cond", "message", "{'text':'x'}")
      .node("rest", "message", "{'text':'x'}")
      .edge("q", "zero", "$0")
      .edge("q", "two", "$2")
      .edge("q", "rest")
      .edge("q", "cond", "default", "'conditions':{'var':'v','eq':'d'}");
  EXPECT_EQ(Talk(flow).start().say("'a'").node(), "zero");
  EXPECT_EQ(Talk(flow).start().say("'b'").node(), "zero");
  EXPECT_EQ(Talk(flow).start().say("'c'").node(), "two");
  FlowText more;
  more.node("q", "question", "{'question':'?','variable':'v','options':['c','d']}")
      .node("cond", "message", "{'text':'x'}")
      .node("rest", "message", "{'text':'x'}")
      .edge("q", "rest")
      .edge("q", "cond", "default", "'conditions':{'var':'v','eq':'d'}");
  EXPECT_EQ(Talk(more).start().say("'d'").node(), "cond");
  EXPECT_EQ(Talk(more).start().say("'c'").node(), "rest");
}

TEST(Question, MultiChoiceStoresAListInTheOptionsOrder) {
  const std::string content =
      "{'question':'?','variable':'v','input_type':'multi_choice','options':['a','b','c'],'validation':{'max':2}}";
  EXPECT_EQ(asked(content, "{'value':['c','a']}"), "['a','c']");
  EXPECT_EQ(asked(content, "'c, A'"), "['a','c']");
  EXPECT_EQ(asked(content, "'a,z'"), "! Please choose one of: a, b, c.");
  EXPECT_EQ(asked(content, "['a','b','c']"), "! Please give at most 2 choices.");
}

TEST(Question, OfMultiChoiceAThousandAnswersAreLookedAtAndNoMore) {
  const std::string content = "{'question':'?','variable':'v','input_type':'multi_choice','options':['a','b']}";
  const auto said = [](int answers) {
    std::string text = "'a";
    for (int i = 1; i < answers; ++i) text += ",a";
    return text + "'";
  };
  EXPECT_EQ(asked(content, said(1000)), "['a']");
  EXPECT_EQ(asked(content, said(1001)), "! Please choose one of: a, b.");
}

TEST(Message, FieldsAreRenderedAndUnknownTypesPass) {
  FlowText flow;
  flow.node("m", "message",
            "{'messages':[{'type':'book_list','books':'{{user.books}}','title':'For {{user.name}}{{user.gone}}'},"
            "{'type':'image','url':'https://x.example/{{user.name}}.png'},{'text':'{{user.n}}'}]}");
  Talk talk(flow, j("{'user':{'books':[1,2],'name':'A n','n':1}}"));
  talk.start();
  const auto& said = talk.steps[0].messages;
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(to_text(said[0].content), R"({"type":"book_list","books":[1,2],"title":"For A n"})");
  EXPECT_EQ(to_text(said[1].content), R"({"type":"image","url":"https://x.example/A%20n.png"})");
  EXPECT_EQ(to_text(said[2].content), R"({"text":"1","type":"text"})");
}

class Shelf : public ContentSource {
 public:
  [[nodiscard]] const Json* active(std::string_view content_id) const override {
    return content_id == "joke" ? &row : nullptr;
  }
  Json row =
      j("{'type':'text','content':{'text':'plain'},'variants':[{'id':'a','weight':1,'content':{'text':'A "
        "{{user.name}}'}},"
        "{'id':'b','weight':1,'content':{'text':'B {{user.name}}'}},{'id':'never','weight':0,'content':{'text':'C'}},"
        "{'id':'vip','weight':1000,'if':{'var':'user.vip','eq':true},'content':{'text':'VIP'}}]}");
};

TEST(Message, AContentsVariantIsChosenByWeightAndRemembered) {
  const Shelf shelf;
  FlowText flow;
  flow.node("m", "question", "{'question':{'content_id':'joke'}}").edge("m", "m");
  int a = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Talk talk(flow_set(flow.document()), j("{'user':{'name':'Ann'}}"), &shelf, seed);
    talk.start();
    const std::string first = talk.texts.front();
    ASSERT_TRUE(first == "A Ann" || first == "B Ann") << first;
    a += first == "A Ann" ? 1 : 0;
    EXPECT_EQ(talk.say("'again'").texts.front(), first);
  }
  EXPECT_GT(a, 60);
  EXPECT_LT(a, 140);
  Talk vip(flow_set(flow.document()), j("{'user':{'vip':true}}"), &shelf, 1);
  EXPECT_EQ(vip.start().texts.front(), "VIP");
}

TEST(Message, ASessionsVariantDependsOnTheSessionAlone) {
  EXPECT_EQ(seed_of("8b0ff24c-6f0f-4a57-9a4c-1b1d3b6f1d0e"), seed_of("8b0ff24c-6f0f-4a57-9a4c-1b1d3b6f1d0e"));
  const Shelf shelf;
  FlowText flow;
  flow.node("m", "question", "{'question':{'content_id':'joke'}}").edge("m", "m");
  std::set<std::string> said;
  for (int session = 0; session < 40; ++session) {
    const std::uint64_t seed = seed_of("session " + std::to_string(session));
    Talk one(flow_set(flow.document()), j("{'user':{'name':'Ann'}}"), &shelf, seed);
    Talk two(flow_set(flow.document()), j("{'user':{'name':'Ann'}}"), &shelf, seed);
    EXPECT_EQ(one.start().texts.front(), two.start().texts.front());
    said.insert(one.texts.front());
  }
  EXPECT_EQ(said.size(), 2U);
}

TEST(Message, AnIdOfContentThatAValueHoldsIsNotExpandedAgain) {
  const Shelf shelf;
  FlowText flow;
  flow.node("m", "message", "{'content_id':'{{variables.v}}','text':'kept'}");
  Talk direct(flow_set(flow.document()), j("{'variables':{'v':'joke'},'user':{'vip':true}}"), &shelf, 1);
  EXPECT_EQ(direct.start().texts.front(), "VIP");
  Talk talk(flow_set(flow.document()), j("{'variables':{'v':'{{variables.w}}','w':'joke'}}"), &shelf, 1);
  EXPECT_EQ(talk.start().texts.front(), "kept");
}

TEST(Message, UnknownContentIsAnErrorOfTheNode) {
  FlowText flow;
  flow.node("m", "message", "{'content_id':'gone'}").node("bad", "message", "{'text':'x'}").edge("m", "bad", "failure");
  Talk talk(flow);
  EXPECT_EQ(talk.start().node(), "bad");
  EXPECT_EQ(talk.info("last_error.message"), "'there is no active content \\'gone\\''");
}

TEST(Language, ATranslationIsMergedAndFallsBack) {
  const auto hello = [](const std::string& state) {
    FlowText flow;
    flow.node("m", "message",
              "{'text':'Hello','translations':{'fr':{'text':'Bonjour'},'fr-CA':{'text':'Allô'},'de':{'text':'Hallo'}}}")
        .with("'settings':{'default_language':'de'}");
    Talk talk(flow, j(state));
    return talk.start().texts.front();
  };
  EXPECT_EQ(hello("{'context':{'language':'fr'}}"), "Bonjour");
  EXPECT_EQ(hello("{'context':{'locale':'fr-CA'}}"), "Allô");
  EXPECT_EQ(hello("{'context':{'locale':'fr-FR'}}"), "Bonjour");
  EXPECT_EQ(hello("{'user':{'language':'es'}}"), "Hallo");
}

TEST(Language, MessagesAndContentsByIdAreTranslatedToo) {
  Shelf shelf;
  shelf.row =
      j("{'content':{'text':'Joke','translations':{'fr':{'text':'Blague de {{user.name}}'}}},"
        "'variants':[{'id':'a','content':{'translations':{'de':{'text':'Witz'}}}}]}");
  FlowText flow;
  flow.node("m", "message",
            "{'messages':[{'content_id':'joke'},{'text':'Bye','translations':{'fr':{'text':'Salut'}}}]}");
  const auto said = [&](const std::string& language) {
    Talk talk(flow_set(flow.document()), j("{'user':{'name':'Ann'},'context':{'language':'" + language + "'}}"),
              &shelf);
    talk.start();
    EXPECT_EQ(to_text(talk.steps[0].messages[0].content).find("translations"), std::string::npos);
    return talk.texts;
  };
  EXPECT_EQ(said("fr-BE"), (std::vector<std::string>{"Blague de Ann", "Salut"}));
  EXPECT_EQ(said("de"), (std::vector<std::string>{"Witz", "Bye"}));
  EXPECT_EQ(said("en"), (std::vector<std::string>{"Joke", "Bye"}));
}

TEST(Keyword, RestartAndEscalationWorkAtAnyQuestion) {
  FlowText flow;
  flow.node("a", "question", "{'question':'a?','variable':'x'}")
      .node("b", "question", "{'question':'b?'}")
      .node("human", "question", "{'question':'a human?'}")
      .edge("a", "b")
      .with(
          "'settings':{'global_actions':{'restart':'restart','Hilfe':{'action':'escalate','node':'human'},'bye':'end'}"
          "}");
  Talk talk(flow);
  EXPECT_EQ(talk.start().say("'1'").node(), "b");
  EXPECT_EQ(talk.say("{'text':' ReStart '}").node(), "a");
  EXPECT_EQ(talk.state("variables"), "{}");
  EXPECT_EQ(talk.say("'hilfe'").node(), "human");
  EXPECT_EQ(talk.state("context.escalated"), "true");
  EXPECT_EQ(talk.say("'bye'").status(), "completed");
}

}  // namespace
}  // namespace sluice::flow
