#include "core/http/decode.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(Decode, PercentEncodingIsUndoneOnceAndMustBeText) {
  EXPECT_EQ(percent_decode("a%2Fb%C3%A9"), "a/bé");
  EXPECT_EQ(percent_decode("%2525"), "%25");
  for (const char* bad : {"%", "%4", "%zz", "%00", "%0a", "%7f", "%C0%AF", "%ED%A0%80", "\xff"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

TEST(Decode, AQueryIsNamesWithOneValueEach) {
  const auto query = parse_query("a=1&b=two+words&&c=&d=x%3Dy&e=p=q");
  ASSERT_TRUE(query);
  EXPECT_EQ(*query, (Parameters{{"a", "1"}, {"b", "two words"}, {"d", "x=y"}, {"e", "p=q"}}));
  EXPECT_EQ(parse_query("a=1&%61=2").error(), "parameter 'a' comes twice");
  EXPECT_FALSE(parse_query("=1"));
  EXPECT_FALSE(parse_query("a=%00"));
  std::string many;
  for (std::size_t i = 0; i < kMaxParameters; ++i) many += "n" + std::to_string(i) + "=1&";
  EXPECT_TRUE(parse_query(many));
  EXPECT_FALSE(parse_query(many + "more=1"));
}

TEST(Decode, ACookieIsFoundByItsWholeNameAndOnlyIfItIsThereOnce) {
  EXPECT_EQ(cookie("a=1; sid=x=y; b=2", "sid"), "x=y");
  EXPECT_EQ(cookie("asid=1;sid=2", "sid"), "2");
  EXPECT_FALSE(cookie("sid=1; sid=2", "sid"));
  EXPECT_FALSE(cookie("sida=1", "sid"));
  EXPECT_FALSE(cookie("", "sid"));
}

}  // namespace
}  // namespace sluice::http
