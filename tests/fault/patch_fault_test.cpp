// State patches that come while workers claim.
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

constexpr int kSessions = 150;

class PatchFault : public FaultTest {
 protected:
  void SetUp() override {
    publish(
        R"({"name": "ask", "entry_node_id": "q", "nodes": [{"node_id": "q", "node_type": "question", "content": {"question": "Who?", "input_type": "text", "variable": "user.name"}}], "connections": []})");
  }

  // A claim looks through them before it comes to the queue that sessions use: that long its snapshot is older than the
  // rows that it locks.
  void make_claims_slow() {
    client_.run(
        "insert into sluice_private.queues (name) select 'q' || i from generate_series(1, 5000) as i;"
        "update sluice_private.queues set paused = false where name = 'default'");
  }
};

// It was found by the soak: the claim's task had the patch's stamp, its session was of before, and the task was
// discarded as one that no longer fits.
TEST_F(PatchFault, APatchThatCommitsDuringAClaimLosesNoTask) {
  make_claims_slow();
  DaemonProcess first("worker", database_.dsn());
  DaemonProcess second("worker", database_.dsn());
  for (int i = 0; i < kSessions; ++i) {
    const std::string token = start("ask");
    client_.run(fmt::format("select sluice.patch_state('{}', '{{\"mark\": true}}')", token));
  }
  client_.wait_until("select count(*) from sluice.conversation_sessions where wait ->> 'for' = 'input'",
                     std::to_string(kSessions));
  EXPECT_EQ(client_.value("select count(*) from sluice.conversation_sessions where revision <> 3"), "0");
  EXPECT_EQ(client_.value("select count(*) from sluice.task_idempotency_records where status = 'discarded'"), "0");
}

// It was found by the soak: the timer's step was made from the session as it had been, and made again after the patch
// with the old time of the last activity.
TEST_F(PatchFault, ASessionThatIsPatchedIsNotAbandonedByATimerUnderWay) {
  publish(
      R"({"name": "idle", "entry_node_id": "q", "settings": {"session_timeout": 3600}, "nodes": [{"node_id": "q", "node_type": "question", "content": {"question": "Who?", "input_type": "text", "variable": "user.name"}}], "connections": []})");
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("idle");
  client_.wait_until(fmt::format("select sluice.session('{}') #>> '{{wait,for}}'", token), "input");
  client_.run("update sluice.conversation_sessions set last_activity_at = now() - interval '2 hours'");

  Client patcher(database_.dsn());
  patcher.run("begin; select from sluice.conversation_sessions for update");
  client_.run("update sluice_private.tasks set run_at = now(), order_key = now(); select sluice_private.ring_tasks()");
  client_.wait_until(
      "select count(*) > 0 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'", "t");
  patcher.run(fmt::format("select sluice.patch_state('{}', '{{\"mark\": true}}'); commit", token));

  client_.wait_until("select claimed_by is null and run_at > now() + interval '50 minutes' from sluice_private.tasks",
                     "t");
  EXPECT_EQ(member(token, "status"), "active");
}

}  // namespace
}  // namespace sluice::test
