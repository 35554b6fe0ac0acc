// When a failed delivery is tried again.
#include "notifier/schedule.h"

#include <gtest/gtest.h>

#include "core/base/errors.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;

TEST(RetrySchedule, AListGivesTheDelayBeforeEachFurtherAttemptAndThenEnds) {
  const auto schedule = RetrySchedule::parse("[0, 5, 0.25]");
  EXPECT_EQ(schedule.delay_after(1), milliseconds(5000));
  EXPECT_EQ(schedule.delay_after(2), milliseconds(250));
  EXPECT_EQ(schedule.delay_after(3), std::nullopt);
  EXPECT_EQ(schedule.delay_after(30), std::nullopt);
}

TEST(RetrySchedule, AnExponentialFormGrowsToItsMaximumForItsAttempts) {
  const auto schedule = RetrySchedule::parse(R"({"base": 2, "factor": 3, "max": 10, "attempts": 4})");
  EXPECT_EQ(schedule.delay_after(1), milliseconds(2000));
  EXPECT_EQ(schedule.delay_after(2), milliseconds(6000));
  EXPECT_EQ(schedule.delay_after(3), milliseconds(10'000));
  EXPECT_EQ(schedule.delay_after(4), std::nullopt);
}

TEST(RetrySchedule, AnythingElseIsAnError) {
  for (const char* json : {"", "7", "[]", "{}", R"(["5"])", R"({"base": 1, "factor": 2, "max": 3})", "[0"}) {
    EXPECT_THROW((void)RetrySchedule::parse(json), Error) << json;
  }
}

}  // namespace
}  // namespace sluice::notifier
