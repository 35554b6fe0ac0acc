// What arrives, what is tried again and what is written down.
#include <gmock/gmock.h>

#include "core/base/json.h"
#include "core/base/signature.h"
#include "tests/notifier/notifier_fixture.h"

namespace sluice::notifier {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using DeliveryTest = NotifierTest;

bool verifies(const Received& request, const std::string& secret) {
  const std::vector<SigningSecret> secrets = {SigningSecret::parse(secret)};
  return request.header("webhook-signature") ==
         webhook_signature(secrets, request.id(), std::stoll(request.header("webhook-timestamp")), request.body);
}

TEST_F(DeliveryTest, AnEventArrivesSignedWithItsBodyByteForByte) {
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url("/hook?a=1"), R"({"headers": {"Authorization": "Bearer abc"}})");
  const auto notifier = start_notifier();
  emit(1);
  const Received request = receiver.wait_for(1).front();
  EXPECT_EQ(request.request_line, "POST /hook?a=1 HTTP/1.1");
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_THAT(request.header("User-Agent"), StartsWith("sluice/"));
  EXPECT_EQ(request.header("Authorization"), "Bearer abc");
  EXPECT_EQ(request.body, value("select body from sluice.webhook_messages"));
  EXPECT_EQ(request.id(), value("select id from sluice.webhook_messages"));
  EXPECT_TRUE(verifies(request, endpoint.secret));
  EXPECT_EQ(request.header("x-webhook-signature"), legacy_signature(endpoint.secret, request.body));
  wait_until("select count(*) = 1 from sluice.webhook_attempts where outcome = 'delivered' and status = 204 and attempt = 1 "
             "and address like '127.0.0.1%' and error_class is null");
  EXPECT_EQ(value("select count(*) from sluice.webhook_deliveries"), "0");
}

TEST_F(DeliveryTest, ARetryKeepsItsIdAndIsSignedAnew) {
  Receiver receiver([](const Received&, int before) { return answer(before == 0 ? 503 : 200); });
  const Endpoint endpoint = subscribe(receiver.url(), R"({"retry_schedule": [0, 1.1]})");
  const auto notifier = start_notifier();
  emit(1);
  const auto requests = receiver.wait_for(2);
  EXPECT_EQ(requests[0].id(), requests[1].id());
  EXPECT_NE(requests[0].header("webhook-timestamp"), requests[1].header("webhook-timestamp"));
  EXPECT_NE(requests[0].header("webhook-signature"), requests[1].header("webhook-signature"));
  EXPECT_TRUE(verifies(requests[0], endpoint.secret));
  EXPECT_TRUE(verifies(requests[1], endpoint.secret));
  EXPECT_GE(requests[1].at - requests[0].at, milliseconds(1100));
  wait_until("select array_agg(outcome order by attempt) = '{retry,delivered}' and array_agg(status order by attempt) = '{503,200}' "
             "from sluice.webhook_attempts");
}

}  // namespace
}  // namespace sluice::notifier
