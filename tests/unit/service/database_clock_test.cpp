#include "core/service/database_clock.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Timestamp kThen = *parse_rfc3339("2001-02-03T04:05:06Z");

TEST(DatabaseClock, GoesOnFromWhatWasHeardWhateverTheWallClockSays) {
  DatabaseClock clock;
  clock.heard(kThen, Clock::now() - hours(1), Clock::now() - hours(1));
  EXPECT_GE(clock.now(), kThen + hours(1));
  EXPECT_LT(clock.now(), kThen + hours(2));
}

TEST(DatabaseClock, IgnoresAnAnswerThatWasLongUnderWayOnceItKnows) {
  DatabaseClock clock;
  clock.heard(kThen, Clock::now(), Clock::now());
  clock.heard(kThen - hours(5), Clock::now() - seconds(3), Clock::now());
  EXPECT_GE(clock.now(), kThen);
}

TEST(DatabaseClock, FollowsADatabaseWhoseClockWasSet) {
  DatabaseClock clock;
  clock.heard(kThen, Clock::now(), Clock::now());
  clock.heard(kThen + hours(24), Clock::now(), Clock::now());
  EXPECT_GE(clock.now(), kThen + hours(24));
}

}  // namespace
}  // namespace sluice
