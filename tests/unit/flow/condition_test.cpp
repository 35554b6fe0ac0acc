// FLOW 5 beyond the shared cases: named conditions, ignore_case, operands of the wrong kind, traces.
#include "core/flow/condition.h"

#include <gmock/gmock.h>

#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

bool holds(const std::string& condition,
           const std::string& state =
               "{'user':{'name':'Zoë','n':5,'big':9007199254740993,'tags':['ÉA'],'o':{'K':1},'e':''}}") {
  return Condition::compile(j(condition)).holds(j(state));
}

TEST(Condition, IgnoreCaseFoldsBeyondAscii) {
  EXPECT_TRUE(holds("{'var':'user.name','eq':'ZOË','ignore_case':true}"));
  EXPECT_FALSE(holds("{'var':'user.name','eq':'ZOË'}"));
  EXPECT_TRUE(holds("{'var':'user.name','in':['x','zoË'],'ignore_case':true}"));
  EXPECT_TRUE(holds("{'var':'user.tags','contains':'éa','ignore_case':true}"));
  EXPECT_TRUE(holds("{'var':'user.o','contains':'k','ignore_case':true}"));
  EXPECT_TRUE(holds("{'var':'user.name','ends_with':'OË','ignore_case':true}"));
  EXPECT_TRUE(holds("{'var':'user.name','starts_with':'zO','ignore_case':true}"));
  EXPECT_FALSE(holds("{'var':'user.name','starts_with':'O','ignore_case':true}"));
  EXPECT_TRUE(holds("{'var':'user.name','matches':'^zo','ignore_case':true}"));
  EXPECT_FALSE(holds("{'var':'user.name','eq':'.OË','ignore_case':true}"));
}

TEST(Condition, NumbersCompareExactly) {
  EXPECT_FALSE(holds("{'var':'user.big','lte':9007199254740992.0}"));
  EXPECT_TRUE(holds("{'var':'user.n','eq':5.0}"));
  EXPECT_TRUE(holds("{'var':'user.n','lt':5.5}"));
}

TEST(Condition, EmptyAndSet) {
  EXPECT_TRUE(holds("{'var':'user.e','is_empty':true}"));
  EXPECT_TRUE(holds("{'var':'user.gone','is_empty':true}"));
  EXPECT_FALSE(holds("{'var':'user.n','is_empty':true}"));
  EXPECT_TRUE(holds("{'var':'user.n','is_set':true}"));
  EXPECT_TRUE(holds("{'var':'user.gone','is_set':false}"));
  EXPECT_TRUE(holds("{'var':'user.gone','not_contains':'x'}"));
  EXPECT_TRUE(holds("{'var':'user.gone','in':[null]}"));
}

TEST(Condition, NamesResolveAndACycleIsFalse) {
  Condition::Names names;
  names.insert_or_assign("adult", Condition::compile(j("{'var':'user.age','gte':18}"), &names));
  names.insert_or_assign("loop", Condition::compile(j("{'not':{'$ref':'loop'}}"), &names));
  const Json adult = j("{'user':{'age':20}}");
  EXPECT_TRUE(Condition::compile(j("{'and':[{'$ref':'adult'}]}"), &names).holds(adult));
  EXPECT_FALSE(Condition::compile(j("{'not':{'$ref':'adult'}}"), &names).holds(adult));
  Trace trace;
  (void)Condition::compile(j("{'$ref':'loop'}"), &names).holds(adult, &trace);
  EXPECT_EQ(trace.size(), 1U);
  EXPECT_FALSE(Condition::compile(j("{'$ref':'gone'}"), &names).holds(adult));
}

TEST(Condition, WhatCannotBeUnderstoodIsFalseAndAProblem) {
  for (const char* bad : {"{}", "null", "[]", "[{'var':'user.n','eq':5}]", "''", "'1 +'", "{'var':'user.n','dance':1}",
                          "{'var':'user.n'}", "{'eq':5}", "{'and':{}}", "{'var':'user.n','in':5}",
                          "{'var':'user.n','exists':1}", "{'var':'user.name','matches':'('}", "{'$ref':1}", "5"}) {
    const Condition condition = Condition::compile(j(bad));
    EXPECT_FALSE(condition.holds(j("{'user':{'n':5,'name':'x'}}"))) << bad;
    EXPECT_EQ(condition.problems().size(), 1U) << bad;
  }
  const Condition nested = Condition::compile(j("{'or':[{'var':'user.n','dance':1},{'var':'user.n','eq':5}]}"));
  EXPECT_TRUE(nested.holds(j("{'user':{'n':5}}")));
  EXPECT_EQ(nested.problems()[0].where, "or[0].dance");
}

TEST(Condition, NestingAndPatternsAreBounded) {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += "{'not':";
    text += "{'var':'user.n','eq':5}";
    text.append(static_cast<std::size_t>(levels), '}');
    return Condition::compile(j(text));
  };
  const Json state = j("{'user':{'n':5,'name':'" + std::string(4096, 'x') + "'}}");
  EXPECT_TRUE(nested(64).holds(state));
  EXPECT_TRUE(nested(64).problems().empty());
  EXPECT_THAT(nested(65).problems().at(0).problem, testing::HasSubstr("nested deeper than 64 levels"));
  const auto pattern = [](std::size_t bytes) {
    return Condition::compile(j("{'var':'user.name','matches':'" + std::string(bytes, 'x') + "'}"));
  };
  EXPECT_TRUE(pattern(4096).holds(state));
  EXPECT_THAT(pattern(4097).problems().at(0).problem, testing::HasSubstr("pattern is over 4096 bytes"));
}

// Each name refers to the one before: what a definition alone does not show is bounded when it is followed.
TEST(Condition, NamesInsideEachOtherAreBounded) {
  Condition::Names names;
  names.insert_or_assign("0", Condition::compile(j("{'var':'user.n','eq':5}"), &names));
  for (int i = 1; i <= 65; ++i) {
    const std::string before = std::to_string(i - 1);
    names.insert_or_assign(std::to_string(i), Condition::compile(j("{'$ref':'" + before + "'}"), &names));
  }
  const Json state = j("{'user':{'n':5}}");
  Trace trace;
  EXPECT_TRUE(names.at("64").holds(state));
  EXPECT_FALSE(names.at("65").holds(state, &trace));
  EXPECT_THAT(trace.at(0).problem, testing::HasSubstr("nested deeper than 64 levels"));
}

TEST(Condition, ACelErrorIsFalseWithATraceEntry) {
  Trace trace;
  EXPECT_FALSE(Condition::compile(j("'user.gone > 1'")).holds(j("{'user':{}}"), &trace));
  ASSERT_EQ(trace.size(), 1U);
  EXPECT_TRUE(trace[0].problem.starts_with("cel: "));
  EXPECT_TRUE(Condition::compile(j("'user.n > 1'")).holds(j("{'user':{'n':1.5}}")));
}

}  // namespace
}  // namespace sluice::flow
