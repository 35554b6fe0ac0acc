// WEBHOOKS 3, sentence by sentence.
#include "notifier/outcome.h"

#include <gtest/gtest.h>

#include "tests/notifier/rules/delivery_builder.h"

namespace sluice::notifier {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Outcome::Kind;

const Timestamp kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2);

http::Response answered(int status) {
  http::Response response;
  response.status = status;
  return response;
}

http::Response failed(http::Failure failure) {
  http::Response response;
  response.failure = failure;
  return response;
}

Outcome judged(const http::Response& response, int attempts = 0, double u = 0) {
  return judge(make_delivery(attempts), response, kNow, u);
}

TEST(Outcome, Only2xxIsSuccessWhateverBecameOfTheBody) {
  for (const int status : {200, 202, 204, 299}) EXPECT_EQ(judged(answered(status)).kind, Kind::kDelivered) << status;
  for (const int status : {301, 302, 307, 308, 400, 401, 404, 409, 500, 502, 599})
    EXPECT_EQ(judged(answered(status)).kind, Kind::kRetry) << status;
  for (const auto failure :
       {http::Failure::kReset, http::Failure::kTimeout, http::Failure::kStopped, http::Failure::kResource}) {
    http::Response cut = answered(200);
    cut.failure = failure;
    EXPECT_EQ(judged(cut).kind, Kind::kDelivered);
    EXPECT_EQ(judged(cut).error_class, "");
  }
}

TEST(Outcome, EveryTransportErrorIsRetriedUnderItsClass) {
  for (const auto failure :
       {http::Failure::kTimeout, http::Failure::kConnect, http::Failure::kDns, http::Failure::kTls,
        http::Failure::kReset, http::Failure::kProtocol, http::Failure::kTooLarge, http::Failure::kRefusedAddress,
        http::Failure::kRefusedUrl, http::Failure::kRefusedRequest}) {
    EXPECT_EQ(judged(failed(failure)).kind, Kind::kRetry);
    EXPECT_EQ(judged(failed(failure)).error_class, name_of(failure));
  }
  EXPECT_EQ(judged(answered(404)).error_class, "status");
}

TEST(Outcome, OurOwnFaultsAndInterruptionsSpendNoAttempt) {
  const Outcome fault = judged(failed(http::Failure::kResource), 2);
  EXPECT_EQ(fault.kind, Kind::kDeferred);
  EXPECT_GE(fault.delay, seconds(1));
  EXPECT_EQ(judged(failed(http::Failure::kStopped), 2).kind, Kind::kInterrupted);
}

TEST(Outcome, DelaysAreTheScheduleWithUpToAFifthMore) {
  EXPECT_EQ(judged(answered(500), 0, 0).delay, seconds(5));
  EXPECT_EQ(judged(answered(500), 0, 0.5).delay, milliseconds(5500));
  EXPECT_EQ(judged(answered(500), 1, 0.999999).delay, seconds(360));
}

TEST(Outcome, TheLastAttemptEndsTheDelivery) {
  EXPECT_EQ(judged(answered(500), 1).kind, Kind::kRetry);
  EXPECT_EQ(judged(answered(500), 2).kind, Kind::kDead);
  EXPECT_EQ(judged(answered(200), 2).kind, Kind::kDelivered);
}

TEST(Outcome, ARetryBeyondTheMaximumAgeIsNotPlanned) {
  Destination destination = make_destination();
  destination.max_age = seconds(60);
  Delivery delivery = make_delivery(1, destination);
  delivery.age = seconds(10);
  EXPECT_EQ(judge(delivery, answered(500), kNow, 0).kind, Kind::kDead);
  delivery.attempts = 0;
  EXPECT_EQ(judge(delivery, answered(500), kNow, 0).kind, Kind::kRetry);
}

TEST(Outcome, RetryAfterLengthensTheDelayAndPausesTheLane) {
  http::Response response = answered(503);
  response.retry_after = "120";
  EXPECT_EQ(judged(response).delay, seconds(120));
  EXPECT_EQ(judged(response).pause, seconds(120));
  response.retry_after = "2";
  EXPECT_EQ(judged(response).delay, seconds(5)) << "the schedule's is longer";
  response.retry_after = "Fri, 02 Jan 2026 00:01:30 GMT";
  EXPECT_EQ(judged(response).delay, seconds(90));
  response.retry_after = "99999999999";
  EXPECT_EQ(judged(response).delay, hours(24));
  for (const char* garbage : {"-1", "1e99", "soon", "", "1.5"}) {
    response.retry_after = garbage;
    EXPECT_EQ(judged(response).delay, seconds(5)) << garbage;
    EXPECT_FALSE(judged(response).pause) << garbage;
  }
}

TEST(Outcome, OverloadIs429And503AndTimeouts) {
  EXPECT_TRUE(judged(answered(429)).overloaded);
  EXPECT_TRUE(judged(answered(503)).overloaded);
  EXPECT_TRUE(judged(failed(http::Failure::kTimeout)).overloaded);
  EXPECT_FALSE(judged(answered(500)).overloaded);
  EXPECT_FALSE(judged(failed(http::Failure::kConnect)).overloaded);
}

TEST(Outcome, AGoneEndpointIsDisabledAndItsDeliveryKept) {
  const Outcome gone = judged(answered(410));
  EXPECT_FALSE(gone.disable.empty());
  EXPECT_EQ(gone.kind, Kind::kRetry);
}

TEST(Outcome, AReceiverMayAskToBeDisabledOrToBeSparedOneMessage) {
  http::Response response = answered(500);
  response.webhook_delivery = "disable";
  EXPECT_FALSE(judged(response).disable.empty());
  response.webhook_delivery = "Abort-Message";
  EXPECT_TRUE(judged(response).disable.empty());
  EXPECT_EQ(judged(response).kind, Kind::kDead);
  response.webhook_delivery = "x, abort-message , disable";
  EXPECT_FALSE(judged(response).disable.empty());
  EXPECT_EQ(judged(response).kind, Kind::kDead);
  response.webhook_delivery = "disabled";
  EXPECT_TRUE(judged(response).disable.empty());
  response.status = 200;
  response.webhook_delivery = "disable";
  EXPECT_FALSE(judged(response).disable.empty());
  EXPECT_EQ(judged(response).kind, Kind::kDelivered);
}

TEST(Outcome, WhatIsGoneOrTooOldIsNotSent) {
  EXPECT_FALSE(judge_unsent(make_delivery()));
  Delivery gone = make_delivery();
  gone.message_id.clear();
  EXPECT_EQ(judge_unsent(gone)->error_class, "message_gone");
  Delivery old = make_delivery();
  old.age = hours(24 * 8);
  EXPECT_EQ(judge_unsent(old)->error_class, "too_old");
  EXPECT_EQ(judge_unsent(old)->kind, Kind::kDead);
}

}  // namespace
}  // namespace sluice::notifier
