// Endpoints that are asked before anything is sent to them, that fail for days, and that come back.
#include <gmock/gmock.h>

#include "tests/notifier/notifier_fixture.h"

namespace sluice::notifier {
namespace {

using testing::StartsWith;

using EndpointStatesTest = NotifierTest;

TEST_F(EndpointStatesTest, AnEndpointThatConsentsIsEnabledAndGetsWhatWasStoredMeanwhile) {
  Receiver receiver([](const Received& request, int) {
    const bool asked = request.request_line.starts_with("OPTIONS ");
    return asked ? answer(200, "WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 6000\r\n") : answer(204);
  });
  subscribe(receiver.url(), R"({"validation": true})");
  emit(2);
  EXPECT_EQ(value("select count(*) from sluice.webhook_deliveries where status = 'held'"), "2");
  const auto notifier = start_notifier();
  const auto requests = receiver.wait_for(3);
  EXPECT_THAT(requests[0].request_line, StartsWith("OPTIONS /hook"));
  EXPECT_FALSE(requests[0].header("webhook-request-origin").empty());
  EXPECT_THAT(requests[1].request_line, StartsWith("POST /hook"));
  EXPECT_EQ(value("select validation || ' ' || enabled || ' ' || rate_limit from sluice.webhook_endpoints"),
            "validated true 100");
}

TEST_F(EndpointStatesTest, AnEndpointThatDoesNotConsentStaysDisabledAndIsAskedAgainWhenEnabled) {
  Receiver receiver([](const Received& request, int before) {
    const bool asked = request.request_line.starts_with("OPTIONS ");
    return asked && before > 0 ? answer(200, "WebHook-Allowed-Origin: *\r\n") : answer(204);
  });
  const Endpoint endpoint = subscribe(receiver.url(), R"({"validation": true})");
  const auto notifier = start_notifier();
  wait_until(
      "select validation = 'refused' and not enabled and validation_error like '%WebHook-Allowed-Origin%' from "
      "sluice.endpoint_overview");
  emit(1);
  (void)query("select sluice.enable_endpoint('" + endpoint.id + "')");
  const auto requests = receiver.wait_for(3);
  EXPECT_THAT(requests[1].request_line, StartsWith("OPTIONS "));
  EXPECT_THAT(requests[2].request_line, StartsWith("POST "));
  wait_until("select validation = 'validated' and enabled from sluice.endpoint_overview");
}

TEST_F(EndpointStatesTest, TheQuestionForConsentIsGuardedLikeAnyRequest) {
  subscribe("http://10.0.0.1/hook", R"({"validation": true})");
  const auto notifier = start_notifier();
  wait_until("select validation = 'pending' and validation_error = 'refused_address' from sluice.endpoint_overview");
}

TEST_F(EndpointStatesTest, FiveDaysWithoutASuccessDisableAnEndpointAndAnEventTells) {
  Receiver failing([](const Received&, int before) { return answer(before == 0 ? 500 : 200); });
  Receiver operators;
  const Endpoint endpoint = subscribe(failing.url(), R"({"retry_schedule": [0, 3600]})");
  emit(1);
  (void)query("update sluice_private.lanes set failing_since = now() - interval '5 days 1 minute'");
  subscribe(operators.url("/operators"));
  (void)query("update sluice.webhook_endpoints set events = '{endpoint_disabled}' where url like '%/operators'");
  const auto notifier = start_notifier();
  wait_until("select disabled_reason = 'no success for five days' from sluice.webhook_endpoints where id = '" +
             endpoint.id + "'");
  fan_out();
  const auto told = operators.wait_for(1);
  EXPECT_NE(told[0].body.find(endpoint.id), std::string::npos);
  EXPECT_NE(told[0].body.find("no success for five days"), std::string::npos);
  emit(1);
  EXPECT_EQ(value("select count(*) > 0 from sluice.webhook_deliveries where status = 'held' and endpoint_id = '" +
                  endpoint.id + "'"),
            "t");
  (void)query("select sluice.enable_endpoint('" + endpoint.id + "', replay => true)");
  wait_until("select count(*) = 0 from sluice.webhook_deliveries where endpoint_id = '" + endpoint.id + "'");
}

}  // namespace
}  // namespace sluice::notifier
