#include "core/base/canonical_json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace sluice {
namespace {

std::string canonical(std::string_view text) {
  auto result = canonical_json(text);
  return result ? *result : "error: " + result.error().message;
}

std::string stored(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? canonical_json_stored(*value) : "";
}

TEST(CanonicalJson, AgreesWithTheSharedCases) {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/cases/state_hash.json");
  if (!file) GTEST_SKIP() << "../shared/cases is not beside the source tree";
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto document = parse_json(text);
  ASSERT_TRUE(document);
  int count = 0;
  for (const Json& entry : find(*document, "cases")->GetArray()) {
    const std::string found = canonical(string_member(entry, "state_json_text"));
    EXPECT_EQ(found, string_member(entry, "canonical"));
    EXPECT_EQ(canonical_hash(found), string_member(entry, "state_hash"));
    ++count;
  }
  EXPECT_GT(count, 5);
}

TEST(CanonicalJson, KeepsIntegersAndWritesFloatsAsPythonDoes) {
  EXPECT_EQ(canonical("-0"), "0");
  EXPECT_EQ(canonical("[123456789012345678901234567890, -7]"), "[123456789012345678901234567890,-7]");
  EXPECT_EQ(canonical("[1E2, 1.50, 0.1e-3, 9999999999999998.0, 1e15, 1e16, 123456.789e3]"),
            "[100.0,1.5,0.0001,9999999999999998.0,1000000000000000.0,1e+16,123456789.0]");
  EXPECT_EQ(canonical("[5e-324, 1.7976931348623157e308, 1e-400, -1e-400]"),
            "[5e-324,1.7976931348623157e+308,0.0,-0.0]");
}

TEST(CanonicalJson, SortsByCodePointAndKeepsTheLastOfEqualKeys) {
  // U+FF5E sorts before U+10000 by code point, after it by UTF-16 unit.
  EXPECT_EQ(canonical("{\"\U00010000\":1,\"\uFF5E\":2,\"b\":3,\"\":4,\"b\":{\"z\":[],\"a\":[[]]}}"),
            "{\"\":4,\"b\":{\"a\":[[]],\"z\":[]},\"\\uff5e\":2,\"\\ud800\\udc00\":1}");
}

TEST(CanonicalJson, RefusesWhatHasNoCanonicalForm) {
  EXPECT_TRUE(canonical("1e400").starts_with("error: ")) << canonical("1e400");
  EXPECT_TRUE(canonical("{\"a\":}").starts_with("error: "));
  EXPECT_TRUE(canonical("").starts_with("error: "));
  EXPECT_TRUE(canonical(std::string(200, '[') + std::string(200, ']')).starts_with("error: nested deeper"));
}

TEST(CanonicalJson, StoredFormIsWhatJsonbMakesOfIt) {
  EXPECT_EQ(stored("[1, 1.0, 1.5, -0.0, -2.50]"), "[1,1.0,1.5,0.0,-2.5]");
  EXPECT_EQ(stored("[1e16, 1e21, 1.5e300]").substr(0, 42), "[1e+16,1000000000000000000000,150000000000");
  EXPECT_EQ(stored("[1e-7, 0.0001, 1.25e-5]"), "[1e-07,0.0001,1.25e-05]");
  EXPECT_EQ(stored("[18446744073709551615, -9223372036854775808]"), "[18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(stored(R"({"b":[true,null,{}],"a":"é\u0000\u007f"})"), R"({"a":"\u00e9\u0000\u007f","b":[true,null,{}]})");
}

}  // namespace
}  // namespace sluice
