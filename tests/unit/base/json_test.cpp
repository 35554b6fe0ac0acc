#include "core/base/json.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Json parsed(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text << ": " << value.error().message;
  return value ? std::move(*value) : Json();
}

TEST(Json, RoundTripsCompactly) {
  EXPECT_EQ(to_text(parsed(R"( {"a": [1, 2.0, -3, "é", null, true], "b": {}} )")),
            R"({"a":[1,2.0,-3,"é",null,true],"b":{}})");
}

TEST(Json, TextsAreEscapedWhereTheyMustBe) {
  for (const char* text : {R"({"a\"b":"line\n\t\u0001\\","é":"\u0000","plain":""})", R"(["","\"",[],{},[[0]],{"":{}}])",
                           R"([9223372036854775807,-9223372036854775808,18446744073709551615,0,-1])",
                           R"([1.5,1e300,-0.0,10000000000000000.0,5e-324,true,false,null])"}) {
    EXPECT_EQ(to_text(parsed(text)), text);
  }
  const std::string large(200'000, 'x');  // more than a text's buffer keeps
  EXPECT_EQ(to_text(make_string(large)), '"' + large + '"');
  EXPECT_EQ(to_text(make_string("")), R"("")");
}

TEST(Json, LastOfEqualKeysWins) {
  EXPECT_EQ(to_text(parsed(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const Json value = parsed(many + R"("k99":"last","k3":"also"})");
  EXPECT_EQ(value.MemberCount(), 100U);
  EXPECT_EQ(string_member(value, "k99"), "last");
  EXPECT_EQ(string_member(value, "k3"), "also");
}

TEST(Json, NumbersAreExactWhateverTheirSpelling) {
  const auto number = [](std::string_view text) { return to_text(parsed(text)); };
  EXPECT_EQ(number("0e308"), "0.0");  // undefined behaviour in rapidjson's own conversion
  EXPECT_EQ(number("-0"), "0");
  EXPECT_EQ(number("-0.0"), "-0.0");
  EXPECT_EQ(number("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(number("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(number("18446744073709551615"), "18446744073709551615");
  EXPECT_TRUE(parsed("18446744073709551616").IsDouble());
  EXPECT_TRUE(parsed("-9223372036854775809").IsDouble());
  EXPECT_EQ(parsed("5e-324").GetDouble(), 5e-324);
  EXPECT_EQ(parsed("1e-400").GetDouble(), 0);
  EXPECT_EQ(parsed("0.1000000000000000055511151231257827").GetDouble(), 0.1);
  EXPECT_EQ(parsed("1.7976931348623157e308").GetDouble(), 1.7976931348623157e308);
  for (const char* text : {"1.8e308", "-1e309", "[1, 1e99999]"}) {
    const auto refused = parse_json(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().message, "number too big to be stored in double");
  }
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1} x", "\"\xff\"", "NaN", "'a'"})
    EXPECT_FALSE(parse_json(text)) << text;
}

// PostgreSQL takes neither, so neither may get into a state.
TEST(Json, HalfASurrogatePairIsRefused) {
  for (const char* text :
       {R"("\uDDDD")", R"("\uDDDDl")", R"("\uD83D")", R"({"\uDC00":1})", R"(["\uDFFF\uD800"])", "\"\xED\xB7\x9D\""})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_EQ(parse_json(R"([1,"\uDDDD"])").error().message, "the surrogate pair in string is invalid");
  EXPECT_EQ(to_text(*parse_json(R"("\uD83D\uDE00\uD7FF\uE000")")), "\"\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\"");
}

TEST(Json, ANulAfterTheValueIsNotItsEnd) {
  for (const std::string_view text :
       {std::string_view("1\0", 2), std::string_view("{}\0 {}", 6), std::string_view("\"a\" \0", 5)})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_EQ(parse_json(std::string_view("[] \0x", 5)).error().offset, 3U);
  EXPECT_TRUE(parse_json("[] \n\t "));
}

TEST(Json, DepthAndSizeAreBounded) {
  EXPECT_TRUE(parse_json(std::string(128, '[') + std::string(128, ']')));
  auto result = parse_json(std::string(129, '[') + std::string(129, ']'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "nested deeper than 128 levels");
  EXPECT_TRUE(parse_json("[1,2,3]", {.max_bytes = 7}));
  EXPECT_FALSE(parse_json("[1,2,3]", {.max_bytes = 6}));
}

TEST(Json, EqualityIsTypedAndNumbersCompareByValue) {
  EXPECT_TRUE(equal(parsed("1"), parsed("1.0")));
  EXPECT_FALSE(equal(parsed("true"), parsed("1")));
  EXPECT_FALSE(equal(parsed("\"1\""), parsed("1")));
  EXPECT_FALSE(equal(parsed("-1"), parsed("18446744073709551615")));
  EXPECT_TRUE(equal(parsed(R"({"a":1,"b":[2]})"), parsed(R"({"b":[2],"a":1})")));
}

TEST(Json, DeepMergeMergesObjectsAndReplacesTheRest) {
  Json target = parsed(R"({"a":{"x":1,"y":[1,2]},"b":1})");
  deep_merge(target, parsed(R"({"a":{"y":[3],"z":null},"c":{"d":1}})"));
  EXPECT_EQ(to_text(target), R"({"a":{"x":1,"y":[3],"z":null},"b":1,"c":{"d":1}})");
}

}  // namespace
}  // namespace sluice
