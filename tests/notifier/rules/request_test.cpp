// A delivery as an HTTP request.
#include "notifier/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/http/correlation.h"
#include "tests/notifier/rules/delivery_builder.h"

namespace sluice::notifier {
namespace {

const Timestamp kTime{std::chrono::seconds(1614265330)};

std::string header(const http::Request& request, std::string_view name) {
  for (const http::Header& one : request.headers) {
    if (one.name == name) return one.value;
  }
  return "";
}

TEST(Request, CarriesTheStandardsExampleAsTheStandardSignsIt) {
  const http::Request request = make_request(make_delivery(), kTime + std::chrono::milliseconds(999));
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.body, R"({"test": 2432232314})");
  EXPECT_EQ(header(request, "content-type"), "application/json");
  EXPECT_EQ(header(request, "webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
  EXPECT_EQ(header(request, "webhook-timestamp"), "1614265330");
  EXPECT_EQ(header(request, "webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(header(request, "x-webhook-signature"), legacy_signature(kSecret, request.body));
}

TEST(Request, EveryAttemptHasItsOwnTimeAndSignatureUnderTheSameId) {
  const Delivery delivery = make_delivery();
  const http::Request first = make_request(delivery, kTime);
  const http::Request second = make_request(delivery, kTime + std::chrono::seconds(1));
  EXPECT_EQ(header(first, "webhook-id"), header(second, "webhook-id"));
  EXPECT_NE(header(first, "webhook-timestamp"), header(second, "webhook-timestamp"));
  EXPECT_NE(header(first, "webhook-signature"), header(second, "webhook-signature"));
  EXPECT_EQ(header(first, "x-webhook-signature"), header(second, "x-webhook-signature"));
}

TEST(Request, SignsWithEverySecretInOrderPartedByOneBlank) {
  Destination destination = make_destination();
  destination.secrets.push_back(SigningSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
  const Delivery delivery = make_delivery(0, destination);
  const std::string signature = header(make_request(delivery, kTime), "webhook-signature");
  EXPECT_EQ(signature, destination.secrets[0].sign(delivery.message_id, 1614265330, delivery.body) + " " +
                           destination.secrets[1].sign(delivery.message_id, 1614265330, delivery.body));
}

TEST(Request, AnEndpointWithALegacySecretGetsTheLegacyHeaderAlone) {
  Destination destination = make_destination();
  destination.secrets.clear();
  destination.legacy_secret.emplace("plain words");
  const http::Request request = make_request(make_delivery(0, destination), kTime);
  EXPECT_EQ(header(request, "webhook-signature"), "");
  EXPECT_EQ(header(request, "x-webhook-signature"), legacy_signature("plain words", request.body));
}

TEST(Request, NamesAreInLowerCase) {
  for (const http::Header& one : make_request(make_delivery(), kTime).headers) {
    EXPECT_TRUE(std::ranges::none_of(one.name, [](char c) { return c >= 'A' && c <= 'Z'; })) << one.name;
  }
}

TEST(Request, TheSubscribersHeadersGoApartSoThatTheClientJudgesThem) {
  Destination destination = make_destination();
  destination.headers.push_back({"Authorization", "Bearer abc"});
  const http::Request request = make_request(make_delivery(0, destination), kTime);
  ASSERT_EQ(request.custom_headers.size(), 1U);
  EXPECT_EQ(request.custom_headers[0].name, "Authorization");
}

TEST(Request, ATraceparentIsPassedOnAndAnyOtherCorrelationIdIsNamedAsSuch) {
  Delivery delivery = make_delivery();
  delivery.correlation_id = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_EQ(header(make_request(delivery, kTime), "traceparent"), delivery.correlation_id);
  EXPECT_EQ(header(make_request(delivery, kTime), "x-correlation-id"), "");
  delivery.correlation_id = "order 66";
  EXPECT_EQ(header(make_request(delivery, kTime), "x-correlation-id"), "order 66");
  EXPECT_EQ(header(make_request(delivery, kTime), "traceparent"), "");
  delivery.correlation_id = "a\r\nx: y";
  EXPECT_EQ(header(make_request(delivery, kTime), "x-correlation-id"), "");
}

TEST(Request, OnlyAWellFormedTraceparentIsOne) {
  EXPECT_TRUE(http::is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
  for (const char* text : {"", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(http::is_traceparent(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::notifier
