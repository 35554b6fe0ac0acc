// What arrives, what is tried again and what is written down.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/json.h"
#include "core/base/signature.h"
#include "tests/notifier/notifier_fixture.h"
#include "tests/support/command.h"

namespace sluice::notifier {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

using DeliveryTest = NotifierTest;

bool verifies(const Received& request, const std::string& secret) {
  const std::vector<SigningSecret> secrets = {SigningSecret::parse(secret)};
  return request.header("webhook-signature") ==
         webhook_signature(secrets, request.id(), std::stoll(request.header("webhook-timestamp")), request.body);
}

std::string metrics_address(const test::DaemonProcess& daemon) {
  const std::string log = daemon.log();
  const auto at = log.find("address=", log.find("serving metrics")) + 8;
  return log.substr(at, log.find_first_of(" \n", at) - at);
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
  wait_until(
      "select count(*) = 1 from sluice.webhook_attempts where outcome = 'delivered' and status = 204 and attempt = 1 "
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
  wait_until(
      "select array_agg(outcome order by attempt) = '{retry,delivered}' and array_agg(status order by attempt) = "
      "'{503,200}' "
      "from sluice.webhook_attempts");
}

TEST_F(DeliveryTest, AfterItsLastAttemptADeliveryIsDeadAndCanBeReplayedUnderItsId) {
  Receiver receiver([](const Received&, int before) { return answer(before < 2 ? 500 : 200); });
  const Endpoint endpoint = subscribe(receiver.url(), R"({"retry_schedule": [0, 0.1]})");
  const auto notifier = start_notifier();
  emit(1);
  wait_until(
      "select count(*) = 1 from sluice.delivery_overview where status = 'dead' and attempt = 2 and response_status = "
      "500");
  EXPECT_EQ(receiver.received().size(), 2U);
  EXPECT_EQ(value("select sluice.replay('" + endpoint.id + "', now() - interval '1 hour', now() + interval '1 hour')"),
            "1");
  (void)receiver.wait_for(3);
  EXPECT_EQ(receiver.count_by_id().size(), 1U);
  wait_until("select status = 'delivered' from sluice.delivery_overview");
}

TEST_F(DeliveryTest, AGoneEndpointIsDisabledItsDeliveriesAreHeldAndAnEventTells) {
  Receiver receiver([](const Received&, int before) { return answer(before == 0 ? 410 : 200); });
  const Endpoint endpoint = subscribe(receiver.url(), R"({"max_in_flight": 1})");
  const auto notifier = start_notifier();
  emit(3);
  wait_until("select not enabled and disabled_reason like '%410%' from sluice.webhook_endpoints");
  wait_until("select count(*) = 3 from sluice.webhook_deliveries where status = 'held'");
  EXPECT_EQ(receiver.received().size(), 1U);
  EXPECT_EQ(value("select count(*) from sluice.flow_events where event_type = 'endpoint_disabled'"), "1");
  (void)query("select sluice.enable_endpoint('" + endpoint.id + "', replay => true)");
  (void)receiver.wait_for(4);
  EXPECT_EQ(receiver.count_by_id().size(), 3U);
}

TEST_F(DeliveryTest, AReceiverMayAskToBeDisabledOrToBeSparedOneMessage) {
  Receiver aborting([](const Received&, int) { return answer(500, "webhook-delivery: abort-message\r\n"); });
  Receiver leaving([](const Received&, int) { return answer(500, "Webhook-Delivery: disable\r\n"); });
  const Endpoint first = subscribe(aborting.url());
  const Endpoint second = subscribe(leaving.url());
  const auto notifier = start_notifier();
  emit(1);
  wait_until("select status = 'dead' and attempt = 1 from sluice.delivery_overview where endpoint_id = '" + first.id +
             "'");
  wait_until("select not enabled from sluice.webhook_endpoints where id = '" + second.id + "'");
  EXPECT_EQ(value("select enabled from sluice.webhook_endpoints where id = '" + first.id + "'"), "t");
}

TEST_F(DeliveryTest, RetryAfterHoldsTheWholeLaneBack) {
  Receiver receiver(
      [](const Received&, int before) { return before == 0 ? answer(503, "Retry-After: 2\r\n") : answer(200); });
  subscribe(receiver.url(), R"({"max_in_flight": 1, "retry_schedule": [0, 0.1]})");
  const auto notifier = start_notifier();
  emit(3);
  const auto requests = receiver.wait_for(4);
  EXPECT_GE(requests[1].at - requests[0].at, milliseconds(1900));
  EXPECT_LE(requests[3].at - requests[1].at, seconds(1));
  wait_until("select count(*) = 3 from sluice.webhook_attempts where outcome = 'delivered'");
}

TEST_F(DeliveryTest, ARedirectIsAFailureAndNotFollowed) {
  Receiver target;
  Receiver receiver([&](const Received&, int) { return answer(302, "Location: " + target.url() + "\r\n"); });
  subscribe(receiver.url(), R"({"retry_schedule": [0]})");
  const auto notifier = start_notifier();
  emit(1);
  wait_until(
      "select status = 'dead' and response_status = 302 and error_class = 'status' from sluice.delivery_overview");
  EXPECT_TRUE(target.received().empty());
}

TEST_F(DeliveryTest, ARefusedAddressIsAnAttemptOfThatClassAndOursIsRefusedEvenInAnAllowedNetwork) {
  subscribe("http://10.0.0.1/hook", R"({"retry_schedule": [0, 0.05]})");
  const std::string port = std::to_string(test::TestCluster::instance().port());
  subscribe("http://127.0.0.1:" + port + "/hook", R"({"retry_schedule": [0, 0.05]})");
  const auto notifier = start_notifier();
  emit(1);
  wait_until(
      "select count(*) = 2 from sluice.delivery_overview where status = 'dead' and attempt = 2 and error_class = "
      "'refused_address'");
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts where address is not null or response is not null or "
                  "status is not null"),
            "0");
}

// Where a notifier serves its metrics is no destination, however it came to its port.
class OwnListenerTest : public NotifierTest {
 protected:
  void expect_refused(const test::DaemonProcess& notifier) {
    subscribe("http://" + metrics_address(notifier) + "/healthz", R"({"retry_schedule": [0]})");
    emit(1);
    wait_until("select count(*) = 1 from sluice.webhook_attempts where outcome = 'dead'");
    EXPECT_EQ(value("select concat_ws(' ', status, error_class) from sluice.webhook_attempts"), "refused_address");
  }
};

TEST_F(OwnListenerTest, IsRefusedThoughThePortWasTheKernelsChoice) {
  expect_refused(*start_notifier({"--metrics.listen", "127.0.0.1:0"}));
}

TEST_F(OwnListenerTest, IsRefusedThoughItWasGivenByName) {
  expect_refused(*start_notifier({"--metrics.listen", "localhost:0"}));
}

TEST_F(OwnListenerTest, IsRefusedThoughItWasHandedOver) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  ASSERT_EQ(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(socket, 8), 0);
  expect_refused(test::DaemonProcess("notifier", database_.dsn(), {}, {}, socket));
  close(socket);
}

TEST_F(DeliveryTest, NeitherProxyNorPasswordNorCookieComesFromOutsideTheEndpoint) {
  http::RawServer proxy([](http::Peer& peer) { peer.wait_until_closed(); });
  Receiver receiver([](const Received&, int) { return answer(204, "Set-Cookie: a=b; Path=/\r\n"); });
  const std::string home = testing::TempDir() + "home-" + std::to_string(getpid());
  std::filesystem::create_directories(home);
  std::ofstream(home + "/.netrc") << "machine 127.0.0.1 login somebody password secret\n";
  subscribe(receiver.url(), R"({"ordering": "endpoint"})");
  const std::string to_proxy = "=http://127.0.0.1:" + std::to_string(proxy.port());
  const test::DaemonProcess notifier("notifier", database_.dsn(), {},
                                     {"http_proxy" + to_proxy, "ALL_PROXY" + to_proxy, "HOME=" + home});
  emit(2);
  for (const Received& request : receiver.wait_for(2)) {
    EXPECT_FALSE(request.headers.contains("Authorization"));
    EXPECT_FALSE(request.headers.contains("Cookie"));
  }
  EXPECT_EQ(proxy.connections(), 0);
  std::filesystem::remove_all(home);
}

TEST_F(DeliveryTest, AResponseIsKeptAsItsBytes) {
  const std::string body("a\0b\xff\xfe\xc3", 6);
  Receiver receiver([&](const Received&, int) { return answer(500, "", body + std::string(20'000, 'x')); });
  subscribe(receiver.url(), R"({"retry_schedule": [0]})");
  const auto notifier = start_notifier();
  emit(1);
  wait_until(
      "select count(*) = 1 from sluice.webhook_attempts where outcome = 'dead' and length(response) = 16384 "
      "and substring(response from 1 for 6) = '\\x610062fffec3'");
}

TEST_F(DeliveryTest, AMessageHoldsBackOnlyLaterOnesOfItsKeyWhileItFails) {
  Receiver receiver([](const Received&, int before) { return answer(before == 0 ? 500 : 200); });
  subscribe(receiver.url(), R"({"ordering": "endpoint", "retry_schedule": [0, 0.3]})");
  const auto notifier = start_notifier();
  emit(5);
  const auto requests = receiver.wait_for(6);
  std::vector<std::string> order;
  order.reserve(requests.size());
  for (const Received& request : requests) order.push_back(request.id());
  EXPECT_EQ(order[0], order[1]);
  order.erase(order.begin());
  EXPECT_TRUE(std::ranges::is_sorted(order)) << "ids begin with the number of their event";
  EXPECT_EQ(receiver.most_at_once(), 1);
}

TEST_F(DeliveryTest, ARateLimitSpreadsRequests) {
  Receiver receiver;
  subscribe(receiver.url(), R"({"rate_limit": 10})");
  const auto notifier = start_notifier();
  emit(11);
  const auto requests = receiver.wait_for(11);
  const auto taken = duration_cast<milliseconds>(requests.back().at - requests.front().at);
  EXPECT_GE(taken, milliseconds(900));
  EXPECT_LE(taken, milliseconds(5000));
  wait_until("select count(*) = 11 and max(attempt) = 1 from sluice.webhook_attempts");
}

TEST_F(DeliveryTest, AnEndpointThatNeverAnswersHoldsNobodyElseUp) {
  Receiver dead([](const Received&, int) { return Answer{200, "", "", true}; });
  Receiver live;
  subscribe(dead.url(), R"({"timeout": 30})");
  subscribe(live.url());
  const auto notifier = start_notifier();
  emit(200);
  const auto requests = live.wait_for(200);
  EXPECT_EQ(dead.received().size(), 8U) << "its own cap and no more";
}

TEST_F(DeliveryTest, APingAndPayloadVersionOneGoOutAsStored) {
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url(), R"({"payload_version": 1})");
  const auto notifier = start_notifier();
  (void)query("select sluice.test_endpoint('" + endpoint.id + "')");
  const Received request = receiver.wait_for(1).front();
  EXPECT_TRUE(verifies(request, endpoint.secret));
  const auto body = parse_json(request.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(string_member(*body, "event_type"), "ping");
  EXPECT_EQ(find(*body, "type"), nullptr);
  EXPECT_TRUE(find(*body, "timestamp")->IsNumber());
}

TEST_F(DeliveryTest, WhileNothingHappensNothingIsPolledAndWhatThenComesIsToldByTheDoorbell) {
  Receiver receiver;
  subscribe(receiver.url());
  const auto notifier = start_notifier({"--metrics.listen", "127.0.0.1:0"});
  wait_until("select pg_sequence_last_value('sluice.deliveries_awake') = 1");
  emit(1);
  (void)receiver.wait_for(1);
  wait_until("select count(*) = 1 from sluice.webhook_attempts");
  const std::string metrics =
      test::run_command({"curl", "-s", "http://" + metrics_address(*notifier) + "/metrics"}).output;
  EXPECT_THAT(metrics, HasSubstr("sluice_deliveries_found_by_heartbeat_total 0"));
  EXPECT_THAT(metrics, HasSubstr("sluice_delivery_attempts_total{outcome=\"delivered\",error=\"none\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("sluice_lanes_owned 1"));
}

}  // namespace
}  // namespace sluice::notifier
