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

TEST(Json, LastOfEqualKeysWins) {
  EXPECT_EQ(to_text(parsed(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const Json value = parsed(many + R"("k99":"last","k3":"also"})");
  EXPECT_EQ(value.MemberCount(), 100U);
  EXPECT_EQ(string_member(value, "k99"), "last");
  EXPECT_EQ(string_member(value, "k3"), "also");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "nul", "{\"a\":1} x", "\"\xff\"", "NaN", "'a'"})
    EXPECT_FALSE(parse_json(text)) << text;
}

TEST(Json, DepthAndSizeAreBounded) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  auto result = parse_json(deep);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "nested deeper than 128 levels");
  EXPECT_FALSE(parse_json("[1,2,3]", {.max_bytes = 3}));
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
