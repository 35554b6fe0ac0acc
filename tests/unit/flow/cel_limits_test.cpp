// No expression may stall a worker or exhaust its stack or memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "core/flow/cel/cel.h"

namespace sluice::cel {
namespace {

std::string repeated(std::string_view text, int times) {
  std::string made;
  for (int i = 0; i < times; ++i) made += text;
  return made;
}

std::string error_of(std::string_view expression, const Json& context = make_object(), Limits limits = {}) {
  const auto program = compile(expression);
  if (!program) return program.error().message;
  const auto value = evaluate(*program, context, limits);
  return value ? "none" : value.error().message;
}

TEST(CelLimits, NestingIsBounded) {
  const std::string too_deep = "nested deeper than 96 levels";
  EXPECT_EQ(error_of(repeated("-", 90) + "1"), "none");
  EXPECT_EQ(error_of(repeated("(", 95) + "1" + repeated(")", 95)), "none");
  EXPECT_EQ(error_of(repeated("(", 96) + "1" + repeated(")", 96)), too_deep);
  for (const char* opening : {"(", "[", "{1:", "f(", "!", "-", "- ", "x ? x : ", "a[", "1 + (", "[1].map(x, "}) {
    EXPECT_EQ(error_of(repeated(opening, 5000)), too_deep) << opening;
  }
}

TEST(CelLimits, ChainsAreBounded) {
  EXPECT_EQ(error_of("1" + repeated(" + 1", 300)), "none");
  EXPECT_EQ(error_of("true" + repeated(" && true", 5000)), "none");
  const std::string too_high = "more than 400 operators on top of each other";
  EXPECT_EQ(error_of("1" + repeated(" + 1", 5000)), too_high);
  EXPECT_EQ(error_of("a" + repeated(".b", 5000)), too_high);
  EXPECT_EQ(error_of("a" + repeated("[0]", 5000)), too_high);
  EXPECT_EQ(error_of("a" + repeated(".f()", 5000)), too_high);
}

TEST(CelLimits, LengthIsBounded) {
  EXPECT_EQ(error_of("'" + std::string(65534, 'x') + "'"), "none");
  EXPECT_EQ(error_of("'" + std::string(65535, 'x') + "'"), "the expression is longer than 65536 bytes");
}

TEST(CelLimits, StepsAreBoundedAndNotAbsorbed) {
  const std::string list = "[0,1,2,3,4,5,6,7,8,9]";
  std::string cube = "true";
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) cube = fmt::format("{}.all({}, {})", list, name, cube);
  EXPECT_EQ(error_of(cube), "the expression needs more than 200000 steps");
  EXPECT_EQ(error_of(cube + " || true"), "the expression needs more than 200000 steps");
  EXPECT_EQ(error_of("1 + 1", make_object(), {.steps = 7}), "none");  // the result's JSON is 4
  EXPECT_EQ(error_of("1 + 1", make_object(), {.steps = 6}), "the expression needs more than 6 steps");
}

// Each doubles what the one before made.
TEST(CelLimits, TextIsBounded) {
  std::string expression = "['0123456789abcdef']";
  for (int i = 0; i < 60; ++i) expression += ".map(x, x + x)";
  EXPECT_EQ(error_of(expression), "the expression's values need more than 8388608 bytes");
  Json context = make_object();
  set(context, "long", std::string(6U << 20U, 'x'));
  EXPECT_EQ(error_of("'xx'.replace('', long)", context), "the expression's values need more than 8388608 bytes");
}

TEST(CelLimits, ListsAreBounded) {
  std::string expression = "[[1, 2, 3, 4]]";
  for (int i = 0; i < 60; ++i) expression += ".map(x, x + x)";
  EXPECT_EQ(error_of(expression), "the expression's values need more than 8388608 bytes");
}

// Values share their parts, so this needs little memory until it is written out or compared.
TEST(CelLimits, SharedPartsDoNotExplode) {
  std::string expression = "[1]";
  for (int i = 0; i < 60; ++i) expression += ".map(x, [x, x])";
  const std::string steps = "the expression needs more than 200000 steps";
  EXPECT_EQ(error_of(expression), steps);
  EXPECT_EQ(error_of(expression + " == " + expression), steps);
  EXPECT_EQ(error_of("'%s'.format([" + expression + "])"), steps);
  const auto typed = eval_typed_json(expression, make_object());
  ASSERT_FALSE(typed);
  EXPECT_EQ(typed.error().message, steps);
}

TEST(CelLimits, PatternsAreBounded) {
  EXPECT_EQ(error_of("'a'.matches('((a{100}){100}){100}')").substr(0, 15), "invalid pattern");
  EXPECT_EQ(error_of("'a'.matches('" + std::string(2048, 'a') + "')"), "none");
  EXPECT_EQ(error_of("'a'.matches('" + std::string(2049, 'a') + "')"), "pattern longer than 2048 bytes");
  Json context = make_object();
  set(context, "text", std::string(1U << 20U, 'a'));
  EXPECT_EQ(error_of("text.matches('^(a?){500}a{500}$')", context), "the expression needs more than 200000 steps");
  EXPECT_EQ(error_of("[1,2,3,4,5,6,7,8,9,10].all(x, [1,2,3,4,5,6,7,8,9,10].all(y, 'a'.matches('a' + '')))"),
            "the expression needs more than 200000 steps");
}

TEST(CelLimits, SearchingIsBounded) {
  Json context = make_object();
  set(context, "text", std::string(400'000, 'a'));
  set(context, "wanted", std::string(200'000, 'a') + "b");
  for (const char* expression : {"text.contains(wanted)", "text.indexOf(wanted)", "text.lastIndexOf(wanted)",
                                 "text.split(wanted)", "text.replace(wanted, '')"}) {
    EXPECT_EQ(error_of(expression, context), "the expression needs more than 200000 steps") << expression;
  }
}

TEST(CelLimits, DeepJsonIsReadToItsEnd) {
  const std::string deep = repeated("[", 127) + repeated("]", 127);
  auto nested = parse_json(R"({"a":)" + deep + R"(,"b":)" + deep + "}");
  ASSERT_TRUE(nested);
  EXPECT_EQ(error_of("a == b && string(size('%s'.format([b.map(x, x)]))) != ''", *nested),
            "a value is nested too deeply");
  EXPECT_EQ(error_of("[a == b, a, b]", *nested), "none");
}

}  // namespace
}  // namespace sluice::cel
