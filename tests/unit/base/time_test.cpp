#include "core/base/time.h"

#include <gtest/gtest.h>

#include "core/base/uuid.h"

namespace sluice {
namespace {

std::string reread(std::string_view text) {
  const auto time = parse_rfc3339(text);
  return time ? to_rfc3339(*time) : "refused";
}

TEST(Time, ReadsEveryFormOfAMoment) {
  EXPECT_EQ(reread("2026-01-02T03:04:05.678901Z"), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(reread("2026-01-02t03:04:05z"), "2026-01-02T03:04:05.000000Z");
  EXPECT_EQ(reread("2026-01-02 03:04:05.6+00"), "2026-01-02T03:04:05.600000Z");
  EXPECT_EQ(reread("2026-01-02T03:04:05.123456789+05:30"), "2026-01-01T21:34:05.123456Z");
  EXPECT_EQ(reread("1969-12-31 23:59:59.999999-0100"), "1970-01-01T00:59:59.999999Z");
  EXPECT_EQ(reread("2024-02-29T23:59:60Z"), "2024-03-01T00:00:00.000000Z");
  EXPECT_EQ(reread("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000000Z");
}

TEST(Time, AnOffsetDoesNotLeadOutOfTheYearsThatCanBeWritten) {
  EXPECT_EQ(reread("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59.000000Z");
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:60Z"));
  EXPECT_EQ(reread("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000000Z");
  EXPECT_FALSE(parse_rfc3339("0001-01-01T00:00:00+00:01"));
}

TEST(Time, RefusesWhatIsNoMoment) {
  for (const char* text : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
                           "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
                           "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.1234567890Z", "2026-01-02T03:04:05Z ",
                           "2026-01-02T03:04:05+24:00", "2026-1-02T03:04:05Z", "infinity", "0000-01-01T00:00:00Z"}) {
    EXPECT_EQ(reread(text), "refused") << text;
  }
}

TEST(Uuid, RoundTripsAndRefusesOtherForms) {
  const auto uuid = Uuid::parse("11111111-2222-3333-4444-AABBCCDDEEFF");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(to_text(*uuid), "11111111-2222-3333-4444-aabbccddeeff");
  for (const char* text : {"", "11111111222233334444aabbccddeeff", "{11111111-2222-3333-4444-aabbccddeeff}",
                           "11111111-2222-3333-4444-aabbccddeefg", "111111112-222-3333-4444-aabbccddeeff"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(Uuid, RandomOnesAreVersion4AndDistinct) {
  const std::string text = to_text(Uuid::random());
  EXPECT_EQ(text[14], '4');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  EXPECT_NE(Uuid::random(), Uuid::random());
}

}  // namespace
}  // namespace sluice
