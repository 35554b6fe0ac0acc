// Notifiers that are killed or cut off.
#include <future>

#include "tests/notifier/notifier_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::notifier {
namespace {

using KillTest = NotifierTest;

TEST_F(KillTest, WhatWasInFlightAtAKillIsSentAgainUnderItsIdAndNothingElseIs) {
  Receiver receiver;
  receiver.close_gate();
  subscribe(receiver.url(), R"({"max_in_flight": 4})");
  auto first = start_notifier();
  emit(10);
  (void)receiver.wait_for(4);
  first->kill();
  const auto second = start_notifier();
  (void)receiver.wait_for(8);
  receiver.open_gate();
  wait_until("select count(*) = 10 from sluice.webhook_attempts where outcome = 'delivered'");
  int twice = 0;
  const auto counts = receiver.count_by_id();
  for (const auto& [id, count] : counts) {
    EXPECT_LE(count, 2);
    if (count == 2) twice += 1;
  }
  EXPECT_EQ(counts.size(), 10U);
  EXPECT_EQ(twice, 4);
  EXPECT_EQ(value("select count(*) from sluice.webhook_deliveries"), "0");
}

TEST_F(KillTest, AnEndpointsCapHoldsAcrossTwoNotifiersAndEachDeliveryIsSentOnce) {
  Receiver first;
  Receiver second;
  subscribe(first.url(), R"({"max_in_flight": 3})");
  subscribe(second.url(), R"({"max_in_flight": 3})");
  first.close_gate();
  second.close_gate();
  const auto one = start_notifier();
  const auto other = start_notifier();
  wait_until("select count(distinct owner) = 2 from sluice_private.lanes");
  emit(30);
  (void)first.wait_for(3);
  (void)second.wait_for(3);
  wait_until("select pg_sequence_last_value('sluice.deliveries_awake') = 1");  // both looked for more until they slept
  EXPECT_EQ(first.received().size() + second.received().size(), 6U);
  first.open_gate();
  second.open_gate();
  wait_until("select count(*) = 60 from sluice.webhook_attempts where outcome = 'delivered'");
  for (Receiver* receiver : {&first, &second}) {
    EXPECT_LE(receiver->most_at_once(), 3);
    EXPECT_EQ(receiver->received().size(), 30U);
    EXPECT_EQ(receiver->count_by_id().size(), 30U);
  }
}

TEST_F(KillTest, ANotifierTakesOverTheLanesOfADeadOneWithinSeconds) {
  Receiver receiver;
  subscribe(receiver.url());
  auto one = start_notifier();
  wait_until("select owner is not null from sluice_private.lanes");
  const auto other = start_notifier();
  one->kill();
  const auto killed = Clock::now();
  emit(1);
  (void)receiver.wait_for(1);
  EXPECT_LE(Clock::now() - killed, std::chrono::seconds(8));
}

TEST_F(KillTest, AtAStopWhatIsInFlightIsFinishedFirst) {
  Receiver receiver;
  receiver.close_gate();
  subscribe(receiver.url());
  const auto notifier = start_notifier();
  emit(3);
  (void)receiver.wait_for(3);
  auto exit_code = std::async(std::launch::async, [&] { return notifier->terminate(); });
  wait_for_log(*notifier, " stopping signal=");
  receiver.open_gate();
  EXPECT_EQ(exit_code.get(), 0);
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts where outcome = 'delivered' and attempt = 1"), "3");
  EXPECT_EQ(value("select count(*) from sluice_private.lanes where owner is not null"), "0");
}

TEST_F(KillTest, WhatIsBrokenOffByAStopSpendsNoAttempt) {
  Receiver receiver([](const Received&, int) { return Answer{200, "", "", true}; });
  subscribe(receiver.url(), R"({"timeout": 30, "retry_schedule": [0]})");
  const auto notifier = start_notifier({"--daemon.shutdown_timeout", "3s"});
  emit(2);
  (void)receiver.wait_for(2);
  EXPECT_EQ(notifier->terminate(), 0);
  EXPECT_EQ(value("select count(*) from sluice.webhook_deliveries where attempt = 0 and status = 'pending' and due_at "
                  "<= now()"),
            "2");
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts"), "0");
  EXPECT_EQ(value("select count(*) from sluice_private.lanes where owner is not null"), "0");
}

TEST_F(KillTest, ConnectionsThatAreCutAgainAndAgainLoseNothingAndLogEachAttemptOnce) {
  test::TcpProxy proxy(test::TestCluster::instance().port());
  Receiver receiver([](const Received&, int before) { return answer(before % 3 == 0 ? 500 : 200); });
  subscribe(receiver.url(),
            R"({"retry_schedule": [0, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]})");
  const auto notifier = start_notifier_through(proxy.port());
  for (std::size_t i = 0; i < 10; ++i) {
    emit(20, "round " + std::to_string(i));
    (void)receiver.wait_for(10 * (i + 1));
    proxy.cut_connections();
  }
  wait_until("select count(*) = 200 from sluice.webhook_attempts where outcome = 'delivered'");
  EXPECT_EQ(receiver.count_by_id().size(), 200U);
  EXPECT_EQ(value("select count(*) from sluice.webhook_deliveries"), "0");
  EXPECT_EQ(value("select count(*) - count(distinct (delivery_id, started_at)) from sluice.webhook_attempts"), "0");
}

// The commit waits for the lane, which the test holds; when it is made, nobody hears of it.
TEST_F(KillTest, ACommitWhoseAnswerWasLostIsNotMadeAgain) {
  test::TcpProxy proxy(test::TestCluster::instance().port());
  Receiver receiver([](const Received&, int before) { return answer(before == 0 ? 500 : 204); });
  subscribe(receiver.url(), R"({"retry_schedule": [0, 0.5]})");
  const auto notifier = start_notifier_through(proxy.port());
  receiver.close_gate();
  emit(1);
  (void)receiver.wait_for(1);
  (void)query("begin");
  (void)query("select from sluice_private.lanes for update");
  receiver.open_gate();
  wait_until(
      "select exists (select from pg_locks w join pg_locks h on h.transactionid = w.transactionid "
      "where not w.granted and h.granted and h.pid = pg_backend_pid())");
  proxy.drop_traffic();
  (void)query("commit");
  wait_until("select count(*) = 1 from sluice.webhook_attempts");
  proxy.pass_traffic();
  proxy.cut_connections();
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  EXPECT_EQ(
      value("select string_agg(attempt || ' ' || outcome, ', ' order by created_at) from sluice.webhook_attempts"),
      "1 retry, 2 delivered");
}

TEST_F(KillTest, ANotifierThatStoodStillSendsNothingThatIsAnothersByNow) {
  Receiver receiver;
  subscribe(receiver.url());
  const auto frozen = start_notifier();
  wait_until("select owner is not null from sluice_private.lanes");
  frozen->stop_clock();
  const auto other = start_notifier();
  emit(5);
  (void)receiver.wait_for(5);
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  frozen->continue_clock();
  emit(5);
  wait_until("select count(*) = 10 from sluice.webhook_attempts where outcome = 'delivered'");
  EXPECT_EQ(receiver.received().size(), 10U);
}

}  // namespace
}  // namespace sluice::notifier
