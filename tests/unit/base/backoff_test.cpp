#include "core/base/backoff.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Timestamp kNow = *parse_rfc3339("1994-11-06T08:48:37Z");

std::string after(std::string_view value) {
  const auto delay = parse_retry_after(value, kNow);
  return delay ? std::to_string(delay->count()) : "none";
}

TEST(Backoff, GrowsByItsFactorUpToItsBound) {
  const BackoffPolicy policy{.base = milliseconds(100), .factor = 3, .max = milliseconds(1000), .jitter = 0};
  EXPECT_EQ(backoff_delay(policy, 1, 0), milliseconds(100));
  EXPECT_EQ(backoff_delay(policy, 2, 0), milliseconds(300));
  EXPECT_EQ(backoff_delay(policy, 3, 0), milliseconds(900));
  EXPECT_EQ(backoff_delay(policy, 4, 0), milliseconds(1000));
  EXPECT_EQ(backoff_delay(policy, 2'000'000'000, 0), milliseconds(1000));
}

TEST(Backoff, JitterOnlyLengthensWithinItsShare) {
  EXPECT_EQ(with_jitter(milliseconds(1000), 0.2, 0), milliseconds(1000));
  EXPECT_EQ(with_jitter(milliseconds(1000), 0.2, 0.5), milliseconds(1100));
  Backoff backoff({.base = milliseconds(1000), .factor = 1, .max = milliseconds(1000), .jitter = 0.2}, 1);
  for (int i = 0; i < 1000; ++i) {
    const milliseconds delay = backoff.next();
    EXPECT_GE(delay, milliseconds(1000));
    EXPECT_LE(delay, milliseconds(1200));
  }
}

TEST(Backoff, TheSameSeedGivesTheSameDelays) {
  Backoff one({}, 42);
  Backoff other({}, 42);
  Backoff different({}, 43);
  bool differs = false;
  for (int i = 0; i < 10; ++i) {
    const milliseconds delay = one.next();
    EXPECT_EQ(delay, other.next());
    differs = differs || delay != different.next();
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(one.failed(), 10);
  one.reset();
  EXPECT_LE(one.next(), milliseconds(1200));
}

TEST(RetryAfter, ReadsSecondsAndDates) {
  EXPECT_EQ(after("0"), "0");
  EXPECT_EQ(after(" 120\t"), "120");
  EXPECT_EQ(after("Sun, 06 Nov 1994 08:49:37 GMT"), "60");
  EXPECT_EQ(after("Sunday, 06-Nov-94 08:49:37 GMT"), "60");
  EXPECT_EQ(after("Sun Nov  6 08:49:37 1994"), "60");
}

TEST(RetryAfter, IsNeverNegativeNorOverADay) {
  EXPECT_EQ(after("Sun, 06 Nov 1993 08:49:37 GMT"), "0");
  EXPECT_EQ(after("86401"), "86400");
  EXPECT_EQ(after("99999999999999999999999999999999"), "86400");
  EXPECT_EQ(after("Sun, 06 Nov 2094 08:49:37 GMT"), "86400");
}

TEST(RetryAfter, IgnoresGarbage) {
  for (const char* value : {"", " ", "-1", "+1", "1.5", "1e99", "soon", "12 s", "0x10", "Sun, 31 Feb 1994 08:49:37 GMT",
                            "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
                            "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT ago"}) {
    EXPECT_EQ(after(value), "none") << value;
  }
}

}  // namespace
}  // namespace sluice
