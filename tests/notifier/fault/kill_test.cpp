// Notifiers that are killed or cut off.
#include "tests/notifier/notifier_fixture.h"

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

}  // namespace
}  // namespace sluice::notifier
