// What an endpoint is spared, and in what order it is served, whatever happens and however many notifiers there are.
#include <algorithm>
#include <atomic>

#include "tests/notifier/notifier_fixture.h"

namespace sluice::notifier {
namespace {

using LimitsTest = NotifierTest;

// SLUICE_TEST_BACKLOG makes it as large as one likes.
int backlog() {
  const char* given = std::getenv("SLUICE_TEST_BACKLOG");
  return given != nullptr ? std::stoi(given) : 400;
}

TEST_F(LimitsTest, AnEndpointThatComesBackToABacklogIsNeverHitByMoreThanItsCap) {
  std::atomic<bool> well = false;
  Receiver receiver([&](const Received&, int) { return answer(well ? 204 : 500); });
  subscribe(receiver.url(),
            R"({"max_in_flight": 6, "retry_schedule": {"base": 0.1, "factor": 1, "max": 0.1, "attempts": 1000}})");
  const auto notifier = start_notifier();
  const int events = backlog();
  emit(events);
  wait_until("select breaker ->> 'state' = 'open' from sluice_private.lanes");
  const std::size_t before = receiver.received().size();
  EXPECT_LE(before, 30U) << "a failing endpoint is left alone soon";
  well = true;
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  EXPECT_LE(receiver.most_at_once(), 6);
  EXPECT_EQ(receiver.count_by_id().size(), static_cast<std::size_t>(events));
  EXPECT_EQ(value("select breaker ->> 'state' from sluice_private.lanes"), "closed");
}

TEST_F(LimitsTest, OrderHoldsAcrossTwoNotifiersWhileRequestsFailAndOneIsKilled) {
  const auto every_third_fails = [](const Received&, int before) { return answer(before % 3 == 1 ? 500 : 204); };
  Receiver first(every_third_fails);
  Receiver second(every_third_fails);
  const std::string ordered = R"({"ordering": "endpoint", "retry_schedule": [0, 0.01, 0.01, 0.01]})";
  subscribe(first.url(), ordered);
  subscribe(second.url(), ordered);
  auto one = start_notifier();
  const auto other = start_notifier();
  wait_until("select count(distinct owner) = 2 from sluice_private.lanes");
  emit(20, "order ");
  (void)first.wait_for(5);
  one->kill();
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  const std::string events = value("select string_agg(m.id, ' ' order by m.no) from sluice.webhook_messages m");
  for (Receiver* receiver : {&first, &second}) {
    std::string seen;
    for (const Received& request : receiver->received()) {
      if (seen.find(request.id()) == std::string::npos) seen += (seen.empty() ? "" : " ") + request.id();
    }
    EXPECT_EQ(seen, events);
    EXPECT_EQ(receiver->most_at_once(), 1);
  }
}

TEST_F(LimitsTest, ABodyOfAMebibyteArrivesAndALargerOneIsRefusedWithItsSize) {
  Receiver receiver;
  subscribe(receiver.url());
  const auto notifier = start_notifier();
  (void)query("select sluice.emit('large', null, jsonb_build_object('text', repeat('ë', 524000)))");
  fan_out();
  const Received request = receiver.wait_for(1).front();
  EXPECT_GT(request.body.size(), 1'048'000U);
  EXPECT_LE(request.body.size(), 1'048'576U);
  EXPECT_EQ(value("select body from sluice.webhook_messages"), request.body);
  try {
    (void)query("select sluice.emit('larger', null, jsonb_build_object('text', repeat('ë', 525000)))");
    FAIL() << "it was taken";
  } catch (const pg::PgError& error) {
    EXPECT_NE(error.message().find("the body of event larger has 1050"), std::string::npos) << error.message();
    EXPECT_EQ(error.fields().detail, "at most 1048576 bytes are sent");
  }
}

}  // namespace
}  // namespace sluice::notifier
