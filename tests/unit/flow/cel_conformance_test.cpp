// The public conformance cases and the aggregates' cases, read from beside the source tree; skipped when they are not there.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "core/flow/cel/cel.h"

namespace sluice::cel {
namespace {

// The parsed file of ../shared/cases, or null.
Json cases(const std::string& file) {
  std::ifstream in(std::string(SLUICE_SOURCE_DIR "/../shared/cases/") + file, std::ios::binary);
  if (!in) return {};
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << file << ": " << parsed.error().message;
  return parsed ? std::move(*parsed) : Json();
}

bool same(const Json& expected, const Json& actual);

bool same_double(const Json& expected, const Json& actual) {
  return expected.IsNumber() && actual.IsNumber() ? expected.GetDouble() == actual.GetDouble() : equal(expected, actual);
}

bool same_list(const Json& expected, const Json& actual) {
  if (!actual.IsArray() || expected.Size() != actual.Size()) return false;
  for (rapidjson::SizeType i = 0; i < expected.Size(); ++i) {
    if (!same(expected[i], actual[i])) return false;
  }
  return true;
}

// Pairs in any order.
bool same_map(const Json& expected, const Json& actual) {
  if (!actual.IsArray() || expected.Size() != actual.Size()) return false;
  for (const Json& pair : expected.GetArray()) {
    bool found = false;
    for (const Json& other : actual.GetArray()) found = found || (same(pair[0], other[0]) && same(pair[1], other[1]));
    if (!found) return false;
  }
  return true;
}

// Two values of the typed notation.
bool same(const Json& expected, const Json& actual) {
  if (!expected.IsObject() || !actual.IsObject() || actual.MemberCount() != 1) return false;
  const auto& member = *expected.MemberBegin();
  const Json* other = find(actual, text_of(member.name));
  if (other == nullptr) return false;
  if (text_of(member.name) == "double") return same_double(member.value, *other);
  if (text_of(member.name) == "list") return same_list(member.value, *other);
  if (text_of(member.name) == "map") return same_map(member.value, *other);
  return equal(member.value, *other);
}

TEST(CelConformance, EveryPublicCase) {
  const Json file = cases("cel_conformance.json");
  if (file.IsNull()) GTEST_SKIP() << "../shared/cases/cel_conformance.json is not there";
  std::size_t run = 0;
  for (const auto& section : file["cases"].GetObject()) {
    for (const Json& one : section.value.GetArray()) {
      ++run;
      const std::string_view expression = string_member(one, "expr");
      const Json& expect = one["expect"];
      const auto result = eval_typed_json(expression, one["bindings"]);
      const std::string got = result ? to_text(*result) : "error: " + to_text(result.error());
      const bool good = find(expect, "error") != nullptr ? !result : result && same(expect, *result);
      EXPECT_TRUE(good) << text_of(section.name) << "/" << string_member(one, "name") << ": " << expression << "\n  expected "
                        << to_text(expect) << "\n  got " << got;
    }
  }
  EXPECT_GT(run, 1000U);
}

TEST(CelConformance, EveryAggregateCase) {
  const Json file = cases("cel_aggregates.json");
  if (file.IsNull()) GTEST_SKIP() << "../shared/cases/cel_aggregates.json is not there";
  for (const Json& one : file["cases"].GetArray()) {
    const std::string_view expression = string_member(one, "expr");
    const auto program = compile(expression);
    ASSERT_TRUE(program) << expression << ": " << to_text(program.error());
    const auto result = evaluate(*program, one["ctx"]);
    const std::string got = result ? to_text(*result) : "error: " + to_text(result.error());
    const bool good = find(one, "error") != nullptr ? !result : result && equal(one["out"], *result);
    EXPECT_TRUE(good) << expression << " of " << to_text(one["ctx"]) << ": got " << got;
  }
}

}  // namespace
}  // namespace sluice::cel
