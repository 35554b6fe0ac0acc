// What may be sent to an endpoint now: its cap, rate, pauses and breaker.
#include "notifier/lane.h"

#include <gtest/gtest.h>

#include "tests/notifier/rules/delivery_builder.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = Outcome::Kind;

class LaneTest : public testing::Test {
 protected:
  LaneTest() { lane_.acquire(3, milliseconds(0), std::nullopt, now_); }

  static Delivery with_cap(int cap, Queue queue = Queue::kFirst) {
    Destination destination = make_destination();
    destination.max_in_flight = cap;
    Delivery delivery = make_delivery(0, destination);
    delivery.queue = queue;
    return delivery;
  }

  std::optional<std::uint64_t> begin(const Delivery& delivery) { return lane_.begin(delivery, now_); }

  void end(const Delivery& delivery, std::uint64_t era, const Outcome& outcome) {
    lane_.end(delivery, outcome, era, now_, 0);
    lane_.written();
  }
  static Outcome outcome(Kind kind, bool overloaded = false) {
    Outcome made;
    made.kind = kind;
    made.overloaded = overloaded;
    made.delay = seconds(5);
    return made;
  }
  void attempt(const Delivery& delivery, Kind kind, bool overloaded = false) {
    const auto era = begin(delivery);
    ASSERT_TRUE(era);
    end(delivery, *era, outcome(kind, overloaded));
  }
  int room(Queue queue = Queue::kFirst) { return lane_.room(queue, now_).value_or(-1); }

  Clock::time_point now_ = Clock::now();
  Lane lane_;
};

TEST_F(LaneTest, NoMoreThanTheCapAreInFlight) {
  const Delivery delivery = with_cap(2);
  EXPECT_EQ(room(), -1) << "the cap is not known before a claim has told it";
  const auto era = begin(delivery);
  ASSERT_TRUE(era);
  EXPECT_EQ(room(), 1);
  EXPECT_TRUE(begin(delivery));
  EXPECT_FALSE(begin(delivery));
  EXPECT_EQ(room(), 0);
  end(delivery, *era, outcome(Kind::kDelivered));
  EXPECT_EQ(room(), 1);
}

TEST_F(LaneTest, WhileItAnswersTwoSetsOfDeliveriesWaitForItsPlaces) {
  Delivery delivery = with_cap(2);
  const auto first = begin(delivery);
  ASSERT_TRUE(begin(delivery));
  EXPECT_EQ(lane_.wanted(Queue::kFirst, now_), 0) << "nothing is known of it yet";
  EXPECT_FALSE(lane_.keep(delivery, now_));
  end(delivery, *first, outcome(Kind::kDelivered));
  ASSERT_TRUE(begin(delivery));
  EXPECT_EQ(lane_.wanted(Queue::kFirst, now_), 4);
  EXPECT_EQ(lane_.wanted(Queue::kRetry, now_), 0);
  delivery.id = 7;
  Delivery kept = delivery;
  ASSERT_TRUE(lane_.keep(kept, now_));
  EXPECT_EQ(lane_.wanted(Queue::kFirst, now_), 3);
  EXPECT_EQ(lane_.floor(Queue::kFirst), (Floor{delivery.due_at, 7}));
  EXPECT_FALSE(lane_.take_waiting(now_)) << "its cap is used up";
  end(delivery, 0, outcome(Kind::kDelivered));
  ASSERT_TRUE(lane_.take_waiting(now_));
  EXPECT_FALSE(lane_.has_waiting());
}

TEST_F(LaneTest, WhatWaitsIsDroppedWhenItFailsPausesIsLostOrGetsOld) {
  const Delivery delivery = with_cap(4);
  const auto wait = [&] {
    lane_ = Lane();
    lane_.acquire(3, milliseconds(0), std::nullopt, now_);
    attempt(delivery, Kind::kDelivered);
    Delivery kept = delivery;
    ASSERT_TRUE(lane_.keep(kept, now_));
    EXPECT_FALSE(lane_.waits_in_vain(now_));
  };
  wait();
  attempt(delivery, Kind::kRetry);
  EXPECT_TRUE(lane_.waits_in_vain(now_));
  wait();
  attempt(delivery, Kind::kRetry, true);
  EXPECT_FALSE(lane_.take_waiting(now_));
  EXPECT_TRUE(lane_.waits_in_vain(now_));
  wait();
  lane_.lose();
  EXPECT_TRUE(lane_.waits_in_vain(now_));
  wait();
  lane_.acquire(4, milliseconds(0), std::nullopt, now_);
  EXPECT_TRUE(lane_.waits_in_vain(now_));
  wait();
  EXPECT_TRUE(lane_.waits_in_vain(now_ + seconds(2)));
  EXPECT_EQ(lane_.drop_waiting().size(), 1U);
  EXPECT_FALSE(lane_.floor(Queue::kFirst));
}

TEST_F(LaneTest, ADeliveryOfAnotherTokenIsNotBegun) {
  Delivery delivery = with_cap(2);
  delivery.lane_token = 4;
  EXPECT_FALSE(begin(delivery));
  lane_.lose();
  EXPECT_FALSE(begin(with_cap(2)));
  EXPECT_EQ(room(), 0);
}

TEST_F(LaneTest, ReplaysHaveHalfOfTheCapAtMost) {
  EXPECT_TRUE(begin(with_cap(4, Queue::kReplay)));
  EXPECT_TRUE(begin(with_cap(4, Queue::kReplay)));
  EXPECT_FALSE(begin(with_cap(4, Queue::kReplay)));
  EXPECT_TRUE(begin(with_cap(4)));
  EXPECT_EQ(room(), 1);
}

TEST_F(LaneTest, RetryAfterPausesTheWholeLaneAndIsToldOnce) {
  const Delivery delivery = with_cap(8);
  const auto era = begin(delivery);
  Outcome asked = outcome(Kind::kRetry);
  asked.pause = minutes(2);
  end(delivery, *era, asked);
  EXPECT_EQ(room(), 0);
  EXPECT_FALSE(begin(delivery));
  EXPECT_EQ(lane_.next_change(now_), now_ + minutes(2));
  EXPECT_EQ(lane_.take_news(now_).pause, minutes(2));
  EXPECT_TRUE(lane_.take_news(now_).empty());
  now_ += minutes(2);
  EXPECT_EQ(room(), 8);
}

TEST_F(LaneTest, OverloadPausesForALittleLongerEachTimeUntilASuccess) {
  const Delivery delivery = with_cap(8);
  milliseconds last{0};
  for (int i = 0; i < 3; ++i) {
    attempt(delivery, Kind::kRetry, true);
    const auto pause = std::chrono::duration_cast<milliseconds>(lane_.next_change(now_) - now_);
    EXPECT_GT(pause, last);
    last = pause;
    now_ += pause;
  }
  EXPECT_LE(last, milliseconds(4800));
  attempt(delivery, Kind::kDelivered);
  attempt(delivery, Kind::kRetry, true);
  EXPECT_LE(lane_.next_change(now_), now_ + milliseconds(1200));
}

TEST_F(LaneTest, NewsThatWasNotWrittenIsToldAgain) {
  const Delivery delivery = with_cap(8);
  const auto era = begin(delivery);
  Outcome asked = outcome(Kind::kRetry);
  asked.pause = minutes(2);
  asked.disable = "gone";
  end(delivery, *era, asked);
  lane_.give_back(lane_.take_news(now_));
  const LaneNews again = lane_.take_news(now_);
  EXPECT_EQ(again.pause, minutes(2));
  EXPECT_EQ(again.disable, "gone");
}

TEST_F(LaneTest, TenFailuresInARowOpenTheBreakerThenOneCanaryGoesAndConcurrencyGrowsByOne) {
  const Delivery delivery = with_cap(4);
  for (int i = 0; i < 10; ++i) attempt(delivery, Kind::kRetry);
  EXPECT_EQ(lane_.breaker().state(), Breaker::State::kOpen);
  EXPECT_EQ(room(), 0);
  now_ += milliseconds(1000);
  EXPECT_EQ(room(), 1);
  const auto canary = begin(delivery);
  ASSERT_TRUE(canary);
  EXPECT_FALSE(begin(delivery)) << "one canary, not more";
  end(delivery, *canary, outcome(Kind::kDelivered));
  EXPECT_EQ(room(), 2);
  attempt(delivery, Kind::kDelivered);
  EXPECT_EQ(room(), 3);
  attempt(delivery, Kind::kDelivered);
  EXPECT_EQ(lane_.breaker().state(), Breaker::State::kClosed);
  EXPECT_EQ(room(), 4);
}

TEST_F(LaneTest, AFailureOfTheCanaryOpensTheBreakerForLonger) {
  const Delivery delivery = with_cap(4);
  for (int i = 0; i < 10; ++i) attempt(delivery, Kind::kRetry);
  now_ += milliseconds(1000);
  attempt(delivery, Kind::kRetry);
  EXPECT_EQ(lane_.next_change(now_), now_ + milliseconds(2000));
}

TEST_F(LaneTest, AFailureWhileRecoveringHalvesConcurrency) {
  const Delivery delivery = with_cap(100);
  for (int i = 0; i < 10; ++i) attempt(delivery, Kind::kRetry);
  now_ += milliseconds(1000);
  for (int i = 0; i < 7; ++i) attempt(delivery, Kind::kDelivered);
  EXPECT_EQ(room(), 8);
  attempt(delivery, Kind::kRetry);
  EXPECT_EQ(room(), 4);
}

TEST_F(LaneTest, FailuresOfRequestsFromBeforeAnOpeningDoNotCount) {
  const Delivery delivery = with_cap(50);
  std::vector<std::uint64_t> eras;
  eras.reserve(30);
  for (int i = 0; i < 30; ++i) eras.push_back(*begin(delivery));
  for (const std::uint64_t era : eras) end(delivery, era, outcome(Kind::kRetry));
  EXPECT_EQ(lane_.next_change(now_), now_ + milliseconds(1000)) << "opened once, not twice";
}

TEST_F(LaneTest, OurOwnFaultsPauseTheLaneButAreNotHeldAgainstIt) {
  const Delivery delivery = with_cap(4);
  for (int i = 0; i < 12; ++i) {
    attempt(delivery, Kind::kDeferred);
    now_ = std::max(now_, lane_.next_change(now_));
  }
  EXPECT_EQ(lane_.breaker().state(), Breaker::State::kClosed);
}

TEST_F(LaneTest, ASuccessorBeginsWhereItsPredecessorWas) {
  const Delivery delivery = with_cap(4);
  for (int i = 0; i < 10; ++i) attempt(delivery, Kind::kRetry);
  const LaneNews news = lane_.take_news(now_);
  Lane successor;
  successor.acquire(3, *news.pause, *news.breaker, now_);
  EXPECT_EQ(successor.room(Queue::kFirst, now_), 0);
  now_ += *news.pause;
  EXPECT_TRUE(successor.begin(delivery, now_));
  EXPECT_FALSE(successor.begin(delivery, now_));
}

TEST_F(LaneTest, EnablingByHandEndsPauseAndBreaker) {
  const Delivery delivery = with_cap(4);
  for (int i = 0; i < 10; ++i) attempt(delivery, Kind::kRetry);
  lane_.acquire(3, milliseconds(0), std::nullopt, now_);
  EXPECT_EQ(room(), 0) << "the row does not know of the breaker yet";
  (void)lane_.take_news(now_);
  lane_.acquire(3, milliseconds(0), std::nullopt, now_);
  EXPECT_EQ(room(), 4);
}

TEST_F(LaneTest, ARateLimitSpreadsRequestsEvenly) {
  Destination destination = make_destination();
  destination.rate_limit = 5;
  destination.max_in_flight = 100;
  const Delivery delivery = make_delivery(0, destination);
  int sent = 0;
  const auto start = now_;
  while (now_ < start + seconds(2)) {
    if (begin(delivery)) sent += 1;
    now_ += milliseconds(10);
  }
  EXPECT_GE(sent, 10);
  EXPECT_LE(sent, 11);
}

TEST_F(LaneTest, FloorsFollowWhatWasBegunAndEndWithTheToken) {
  Delivery delivery = with_cap(4);
  delivery.due_at = Timestamp(seconds(100));
  (void)begin(delivery);
  EXPECT_EQ(lane_.floor(Queue::kFirst), (Floor{delivery.due_at, delivery.id}));
  EXPECT_FALSE(lane_.floor(Queue::kRetry));
  lane_.acquire(3, milliseconds(0), std::nullopt, now_);
  EXPECT_TRUE(lane_.floor(Queue::kFirst));
  lane_.acquire(9, milliseconds(0), std::nullopt, now_);
  EXPECT_FALSE(lane_.floor(Queue::kFirst));
}

}  // namespace
}  // namespace sluice::notifier
