// RapidPro, Glific and Landbot.
#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

Json registration() {
  return j(
      R"({'version':'13','flows':[{'name':'Registration','uuid':'f','spec_version':'13.1.0','language':'eng','nodes':[
    {'uuid':'a','actions':[{'type':'send_msg','text':'Hi @contact.name! How old are you?','quick_replies':['10','20']}],'exits':[{'uuid':'xa','destination_uuid':'b'}]},
    {'uuid':'b','router':{'type':'switch','operand':'@input.text','result_name':'Age','wait':{'type':'msg','timeout':{'seconds':300,'category_uuid':'late'}},
      'cases':[{'uuid':'1','type':'has_number_lt','arguments':['18'],'category_uuid':'young'},{'uuid':'2','type':'has_number','arguments':[],'category_uuid':'old'}],
      'categories':[{'uuid':'young','name':'Young','exit_uuid':'x1'},{'uuid':'old','name':'Old','exit_uuid':'x2'},{'uuid':'other','name':'Other','exit_uuid':'x3'},
                    {'uuid':'late','name':'No Response','exit_uuid':'x4'}],'default_category_uuid':'other'},
     'exits':[{'uuid':'x1','destination_uuid':'y'},{'uuid':'x2','destination_uuid':'o'},{'uuid':'x3','destination_uuid':'a'},{'uuid':'x4'}]},
    {'uuid':'y','actions':[{'type':'send_msg','text':'@results.age is young'}],'exits':[{'uuid':'xy'}]},
    {'uuid':'o','actions':[{'type':'set_contact_field','field':{'key':'adult'},'value':'yes'},
       {'type':'call_webhook','method':'POST','url':'https://x.example/@results.age','headers':{'A':'b'},'body':'{}','result_name':'r'}],
     'router':{'type':'switch','operand':'@results.r.category','cases':[{'type':'has_only_text','arguments':['Success'],'category_uuid':'s'}],
       'categories':[{'uuid':'s','name':'Success','exit_uuid':'xs'},{'uuid':'q','name':'Failure','exit_uuid':'xf'}],'default_category_uuid':'q'},
     'exits':[{'uuid':'xs','destination_uuid':'y'},{'uuid':'xf'}]}]}]})");
}

TEST(ImportRapidpro, ARegistrationIsPlayed) {
  const Imported result = import_flow(registration(), Format::kRapidpro);
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  EXPECT_FALSE(has_errors(validate(result.flow))) << shown(validate(result.flow));
  expect_stable(result.flow);
  Talk young(flow_set(result.flow), j("{'user':{'name':'Ann'}}"));
  young.start();
  EXPECT_EQ(young.status(), "active");
  EXPECT_NE(std::ranges::find(young.texts, "Hi Ann! How old are you?"), young.texts.end())
      << testing::PrintToString(young.texts);
  young.say("'12'");
  EXPECT_EQ(young.texts.back(), "12 is young");
  EXPECT_EQ(young.status(), "completed");

  Talk old(flow_set(result.flow));
  old.answers(200, "{}").start().say("'nonsense'").say("'40'");
  ASSERT_EQ(old.calls.size(), 1U);
  EXPECT_EQ(old.calls[0].url, "https://x.example/40");
  EXPECT_EQ(old.state("user.adult"), "'yes'");
  EXPECT_EQ(old.texts.back(), "40 is young");

  Talk late(flow_set(result.flow));
  late.start().wait();
  EXPECT_EQ(late.status(), "completed");
}

TEST(ImportRapidpro, WhatHasNoCounterpartIsAnError) {
  const Imported result = import_flow(
      j("{'name':'x','nodes':[{'uuid':'a','actions':[{'type':'transfer_airtime'}],'exits':[{'uuid':'e'}]}]}"),
      Format::kRapidpro);
  EXPECT_EQ(shown(result.report),
            "ERROR nodes[0].actions[0]: action 'transfer_airtime' has no counterpart here and is left out\n");
  EXPECT_NO_THROW((void)Flow::from_json(result.flow));
}

Json landbot() {
  return j(R"({
    '1': {'id':'1','name':'Hello','function':'__send_message__','responses':[{'entity':'text','text':'Hello!','order':0},{'entity':'text','text':'Your email?'}],'next':{'success':'2'}},
    '2': {'id':'2','name':'Pick @email','function':'__email__','field':'email','next':{'success':'3','failed':'6'}},
    '3': {'id':'3','name':'Choose','function':'__send_message__','responses':[{'entity':'button','text':'Do you like it, @email?','buttons':['Yes, a lot','You said it']}],'next':{'success':'4'}},
    '4': {'id':'4','name':'Pick selected option','function':'__choice__','next':{'yes':'5','said':'6','failed':'3'}},
    '5': {'id':'5','name':'Send','function':'__send_request__','url':'https://x.example/register','method':'POST','data':{'email':'@email'},'next':{'success':'6'}},
    '6': {'id':'6','name':'Bye','function':'__send_message__','responses':[{'entity':'text','text':'Bye @email{html}<b>x</b>{/html}'},{'entity':'image','path':'https://x.example/i.png'}]}})");
}

TEST(ImportLandbot, AConversationIsPlayed) {
  const Imported result = import_flow(landbot(), Format::kLandbot);
  EXPECT_FALSE(has_errors(result.report)) << shown(result.report);
  EXPECT_FALSE(has_errors(validate(result.flow))) << shown(validate(result.flow));
  EXPECT_NE(shown(result.report).find("HTML inside the text is left out"), std::string::npos);
  expect_stable(result.flow);
  Talk talk(flow_set(result.flow));
  talk.answers(200, "{}").start();
  EXPECT_EQ(talk.texts, (std::vector<std::string>{"Hello!", "Your email?"}));
  talk.say("'a@example.org'");
  EXPECT_EQ(talk.texts.back(), "Do you like it, a@example.org?");
  talk.say("'Yes, a lot'");
  ASSERT_EQ(talk.calls.size(), 1U);
  EXPECT_EQ(talk.calls[0].body, R"({"email":"a@example.org"})");
  EXPECT_EQ(talk.status(), "completed");
}

TEST(ImportLandbot, APickerWithoutAMessageAsksInSilence) {
  const Imported result = import_flow(j("{'1':{'function':'__choice__','next':{'yes':'2','failed':'2'}},'2':{'function'"
                                        ":'__text__','custom_field':'x'}}"),
                                      Format::kLandbot);
  EXPECT_EQ(content_text(result.flow, "node_1"), "{'question':'','input_type':'text','variable':'temp.answer'}");
  EXPECT_EQ(ways(result.flow, "node_1"), "default → node_2");
}

TEST(ImportLandbot, ADocumentWithoutNodesIsAnError) {
  EXPECT_TRUE(has_errors(import_flow(j("{'a':1}"), Format::kLandbot).report));
  EXPECT_TRUE(has_errors(import_flow(j("[]"), Format::kLandbot).report));
}

TEST(ImportFormats, NamesAreThoseOfTheCommandLine) {
  for (const char* name : {"sluice", "typebot", "watson", "landbot", "rapidpro"}) {
    const auto format = format_from(name);
    ASSERT_TRUE(format) << name;
    EXPECT_EQ(to_text(*format), name);
  }
  EXPECT_FALSE(format_from("voiceflow"));
}

}  // namespace
}  // namespace sluice::flow
