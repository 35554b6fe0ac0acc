#include "notifier/validation.h"

#include <gtest/gtest.h>

namespace sluice::notifier {
namespace {

http::Response answered(int status, std::string origin = {}, std::string rate = {}) {
  http::Response response;
  response.status = status;
  response.webhook_allowed_origin = std::move(origin);
  response.webhook_allowed_rate = std::move(rate);
  return response;
}

TEST(Validation, TheRequestNamesItsOrigin) {
  const http::Request request = make_validation_request("https://a.example/x", "host.example");
  EXPECT_EQ(request.method, "OPTIONS");
  EXPECT_EQ(request.headers.front().name, "webhook-request-origin");
  EXPECT_EQ(request.headers.front().value, "host.example");
}

TEST(Validation, OurOriginOrAnyIsConsent) {
  EXPECT_EQ(judge_validation(answered(200, "*"), "host.example", 1).outcome, "validated");
  EXPECT_EQ(judge_validation(answered(204, "Host.Example"), "host.example", 1).outcome, "validated");
  EXPECT_EQ(judge_validation(answered(200, "other.example"), "host.example", 1).outcome, "refused");
  EXPECT_EQ(judge_validation(answered(200), "host.example", 1).outcome, "refused");
  EXPECT_EQ(judge_validation(answered(405, "*"), "host.example", 1).outcome, "refused");
  EXPECT_EQ(judge_validation(answered(302, "*"), "host.example", 1).outcome, "refused");
}

TEST(Validation, TheAllowedRateIsPerMinuteAndAnythingElseIsNoLimit) {
  EXPECT_EQ(judge_validation(answered(200, "*", "120"), "h", 1).rate_limit, 2.0);
  for (const char* rate : {"*", "", "0", "-3", "1e9", "12 a minute"}) {
    EXPECT_FALSE(judge_validation(answered(200, "*", rate), "h", 1).rate_limit) << rate;
  }
}

TEST(Validation, WhatTheNetworkDidIsTriedAgainFiveTimesInAll) {
  http::Response lost;
  lost.failure = http::Failure::kTimeout;
  EXPECT_EQ(judge_validation(lost, "h", 1).outcome, "pending");
  EXPECT_EQ(judge_validation(lost, "h", 1).delay, std::chrono::seconds(10));
  EXPECT_EQ(judge_validation(answered(503), "h", 4).delay, std::chrono::seconds(270));
  EXPECT_EQ(judge_validation(lost, "h", 5).outcome, "refused");
  EXPECT_EQ(judge_validation(lost, "h", 5).error, "timeout");
}

}  // namespace
}  // namespace sluice::notifier
