// When to claim without being told.
#include "notifier/agenda.h"

#include <gtest/gtest.h>

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AgendaTest : public testing::Test {
 protected:
  Agenda::Claim claim(bool began) {
    const Agenda::Claim asked = agenda_.next_claim(now_);
    agenda_.claimed(began ? Agenda::Yield::kAll : Agenda::Yield::kNothing, kNoDeadline, now_);
    return asked;
  }

  Clock::time_point now_ = Clock::now();
  Agenda agenda_;
};

TEST_F(AgendaTest, AfterAClaimThatBeganSomethingTheNextIsDueAtOnce) {
  claim(true);
  EXPECT_LE(agenda_.wake_at(), now_);
  claim(false);
  EXPECT_EQ(agenda_.wake_at(), kNoDeadline);
}

TEST_F(AgendaTest, AClaimThatFoundLessThanItAskedForIsFollowedAfterAPause) {
  (void)agenda_.next_claim(now_);
  agenda_.claimed(Agenda::Yield::kSome, kNoDeadline, now_);
  EXPECT_EQ(agenda_.wake_at(), now_ + milliseconds(2));
}

TEST_F(AgendaTest, OnlyAClaimThatFoundNothingIsFollowedByNone) {
  for (const auto yield : {Agenda::Yield::kSome, Agenda::Yield::kAll, Agenda::Yield::kEnough}) {
    agenda_.claimed(yield, kNoDeadline, now_);
    EXPECT_TRUE(agenda_.comes_back());
  }
  agenda_.claimed(Agenda::Yield::kNothing, kNoDeadline, now_);
  EXPECT_FALSE(agenda_.comes_back());
}

TEST_F(AgendaTest, AClaimThatBroughtEnoughIsFollowedAfterALongerOne) {
  (void)agenda_.next_claim(now_);
  agenda_.claimed(Agenda::Yield::kEnough, kNoDeadline, now_);
  EXPECT_EQ(agenda_.wake_at(), now_ + milliseconds(5));
}

TEST_F(AgendaTest, WhatWasPutOffIsClaimedWhenItIsDueAndNotBefore) {
  claim(false);
  agenda_.scheduled(milliseconds(200), now_);
  agenda_.scheduled(milliseconds(100), now_);
  agenda_.scheduled(seconds(60), now_);
  EXPECT_EQ(agenda_.wake_at(), now_ + milliseconds(101));
  now_ += milliseconds(150);
  claim(false);
  EXPECT_EQ(agenda_.wake_at(), now_ + milliseconds(51));
  now_ += milliseconds(60);
  claim(false);
  EXPECT_EQ(agenda_.wake_at(), now_ + seconds(60) + milliseconds(1 - 210));
}

TEST_F(AgendaTest, ItAsksWhatIsNextBeforeItSleepsAndWhenThatIsDue) {
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(claim(false).ahead) << i;
  EXPECT_TRUE(claim(false).ahead);
  agenda_.due_in(milliseconds(300), now_);
  EXPECT_EQ(agenda_.wake_at(), now_ + milliseconds(301));
  now_ += milliseconds(301);
  EXPECT_TRUE(claim(true).ahead);
  agenda_.due_in(std::nullopt, now_);
  claim(false);
  EXPECT_EQ(agenda_.wake_at(), kNoDeadline);
}

TEST_F(AgendaTest, WhatIsOverdueButHeldBackIsNotAskedForWithoutPause) {
  claim(false);
  agenda_.due_in(milliseconds(0), now_);
  EXPECT_GE(agenda_.wake_at(), now_ + milliseconds(100));
}

TEST_F(AgendaTest, ItLooksBackOnceASecondAndBeforeItSleepsAndAtAllOnceAMinute) {
  EXPECT_EQ(claim(true).reach, Reach::kAll);
  EXPECT_EQ(claim(true).reach, Reach::kFloor);
  now_ += seconds(1);
  EXPECT_EQ(claim(true).reach, Reach::kHalfMinute);
  EXPECT_EQ(claim(true).reach, Reach::kFloor);
  for (int i = 0; i < 8; ++i) claim(false);
  EXPECT_EQ(claim(false).reach, Reach::kHalfMinute);
  now_ += seconds(60);
  EXPECT_EQ(claim(true).reach, Reach::kAll);
}

TEST_F(AgendaTest, WhileFirstAttemptsKeepComingTheOthersAreAskedForNowAndThen) {
  EXPECT_TRUE(claim(true).others);
  EXPECT_FALSE(claim(true).others);
  now_ += milliseconds(50);
  EXPECT_TRUE(claim(true).others);
  claim(false);
  EXPECT_TRUE(claim(false).others) << "nothing else is there";
}

}  // namespace
}  // namespace sluice::notifier
