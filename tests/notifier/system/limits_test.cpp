// What an endpoint is spared, and in what order it is served, whatever happens and however many notifiers there are.
#include <algorithm>
#include <atomic>
#include <deque>

#include "core/base/json.h"
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
  constexpr int kStep = 2000;  // as many are waited for at a time
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
  for (int left = events; left > 0; left -= kStep)
    wait_until("select count(*) <= " + std::to_string(std::max(left - kStep, 0)) + " from sluice.webhook_deliveries");
  EXPECT_LE(receiver.most_at_once(), 6);
  EXPECT_EQ(receiver.count_by_id().size(), static_cast<std::size_t>(events));
  EXPECT_EQ(value("select breaker ->> 'state' from sluice_private.lanes"), "closed");
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts"), std::to_string(receiver.received().size()))
      << "what waits for the breaker spends no attempt";
}

// Three endpoints that fail at first and then hang, and a notifier of eight slots.
class SlotsTest : public NotifierTest {
 protected:
  static constexpr int kEvents = 4;

  void subscribe_stuck(const std::string& schedule) {
    for (int i = 0; i < 3; ++i) {
      stuck_.emplace_back(
          [](const Received&, int before) { return before < kEvents ? answer(500) : Answer{200, "", "", true}; });
      subscribe(stuck_.back().url(), R"({"timeout": 30, "retry_schedule": )" + schedule + "}");
    }
  }
  int hanging() {
    int count = 0;
    for (Receiver& receiver : stuck_) count += static_cast<int>(receiver.received().size()) - kEvents;
    return count;
  }
  void expect_room_for_what_is_new_beside(int taken) {
    wait_for([&] { return hanging() >= taken; }, "requests that hang");
    (void)query("update sluice.webhook_endpoints set events = '{none}'");
    Receiver live;
    subscribe(live.url());
    emit(2);
    (void)live.wait_for(2);
    EXPECT_EQ(hanging(), taken);
    EXPECT_EQ(value("select count(*) from sluice.webhook_attempts where error_class = 'timeout'"), "0");
  }

  std::deque<Receiver> stuck_;
};

TEST_F(SlotsTest, RetriesThatHangLeaveAQuarterToWhatIsNew) {
  subscribe_stuck("[0, 0.5]");
  const auto notifier = start_notifier({"--notifier.concurrency", "8"});
  emit(kEvents);
  expect_room_for_what_is_new_beside(6);
}

TEST_F(SlotsTest, ReplaysThatHangLeaveHalfToWhatIsNew) {
  subscribe_stuck("[0]");
  const auto notifier = start_notifier({"--notifier.concurrency", "8"});
  emit(kEvents);
  wait_until("select count(*) = 12 from sluice.webhook_attempts where outcome = 'dead'");
  (void)query("select sluice.replay(id, '-infinity', 'infinity') from sluice.webhook_endpoints");
  expect_room_for_what_is_new_beside(4);
}

// Arrivals of an endpoint's messages, as session and revision.
std::vector<std::pair<std::string, int>> revisions(Receiver& receiver) {
  std::vector<std::pair<std::string, int>> seen;
  for (const Received& request : receiver.received()) {
    const auto body = parse_json(request.body);
    seen.emplace_back(string_member(*body, "session_id"), find(*find(*body, "data"), "revision")->GetInt());
  }
  return seen;
}

TEST_F(LimitsTest, OrderOfASessionHoldsAcrossTwoNotifiersWhileRequestsFailAndOneIsKilled) {
  constexpr int kSessions = 4;
  constexpr int kRevisions = 8;
  const auto every_third_fails = [](const Received&, int before) { return answer(before % 3 == 1 ? 500 : 204); };
  Receiver first(every_third_fails);
  Receiver second(every_third_fails);
  (void)query(
      "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token) select gen_random_uuid(), 1, "
      "'s' || i from generate_series(1, 4) i");
  fan_out();
  const std::string ordered =
      R"({"ordering": "session", "retry_schedule": {"base": 0.01, "factor": 1, "max": 0.01, "attempts": 100}})";
  subscribe(first.url(), ordered);
  subscribe(second.url(), ordered);
  auto one = start_notifier();
  const auto other = start_notifier();
  wait_until("select count(distinct owner) = 2 from sluice_private.lanes");
  for (int i = 0; i < kRevisions; ++i) {
    (void)query("update sluice.conversation_sessions set revision = revision + 1");
    fan_out();
    if (i == kRevisions / 2) one->kill();
  }
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  for (Receiver* receiver : {&first, &second}) {
    std::map<std::string, int> last;
    for (const auto& [session, revision] : revisions(*receiver)) {
      EXPECT_TRUE(revision == last[session] + 1 || revision == last[session] || last[session] == 0)
          << "session " << session << ": revision " << revision << " after " << last[session];
      last[session] = revision;
    }
    EXPECT_EQ(last.size(), static_cast<std::size_t>(kSessions));
  }
}

TEST_F(LimitsTest, AFailingMessageHoldsBackItsOwnSessionAlone) {
  (void)query(
      "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token) select gen_random_uuid(), 1, "
      "'s' || i from generate_series(1, 2) i");
  fan_out();
  Receiver receiver([](const Received&, int before) { return answer(before == 0 ? 500 : 204); });
  subscribe(receiver.url(), R"({"ordering": "session", "retry_schedule": [0, 3600]})");
  const auto notifier = start_notifier();
  for (int i = 0; i < 3; ++i) {
    (void)query("update sluice.conversation_sessions set revision = revision + 1");
    fan_out();
  }
  (void)receiver.wait_for(4);
  wait_until("select count(*) = 3 from sluice.webhook_attempts where outcome = 'delivered'");
  wait_until("select pg_sequence_last_value('sluice.deliveries_awake') = 1");  // it looked for more until it slept
  const auto seen = revisions(receiver);
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_EQ(std::ranges::count(seen, seen[0].first, &std::pair<std::string, int>::first), 1);
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
