// FLOW 8's circuit breaker, as the receiver sees it: shared by workers, one probe at a time, and no attempt is counted
// while it is open.
#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class BreakerFault : public FaultTest {
 protected:
  // A flow of one webhook node that makes one attempt; `breaker` is its circuit_breaker, `more` further members of its
  // content.
  void publish_guarded(const std::string& url, const std::string& breaker, const std::string& more = {}) {
    publish(R"({"name": "guarded", "entry_node_id": "call", "nodes": [
      {"node_id": "call", "node_type": "webhook", "content": {"url": ")" +
            url + R"(", "retry": {"attempts": 1},
       "response_mapping": {"n": "$.n"}, "circuit_breaker": )" +
            breaker + more + R"(}},
      {"node_id": "good", "node_type": "message", "content": {"messages": [{"type": "text", "text": "good"}]}},
      {"node_id": "bad", "node_type": "message", "content": {"messages": [{"type": "text", "text": "bad"}]}}],
      "connections": [{"source_node_id": "call", "target_node_id": "good", "connection_type": "success"},
                      {"source_node_id": "call", "target_node_id": "bad", "connection_type": "failure"}]})");
  }

  void finish_in(const std::string& token, const std::string& node) {
    wait_for_status(token, "completed");
    EXPECT_EQ(member(token, "current_node_id"), node);
  }

  std::string breakers() {
    return client_.value("select string_agg(key || ' ' || state, ',') from sluice.circuit_breakers");
  }

  // Calls given back for later, the attempt not counted; after the running probe began if `behind_probe`.
  void wait_for_postponed(int count, bool behind_probe = false) {
    client_.wait_until(
        fmt::format("select count(*) from sluice_private.tasks where kind = 'webhook' and attempt = 1 and claimed_by "
                    "is null and "
                    "run_at > {}",
                    behind_probe ? "(select probe_at + interval '0.5 s' from sluice.circuit_breakers)" : "now()"),
        std::to_string(count));
  }
};

TEST_F(BreakerFault, OpensForAllWorkersAfterFiveFailuresAndClosesAfterThreeGoodProbesOneAtATime) {
  Gate gate;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  HttpTarget target([&](const SeenRequest&, int count) {
    if (count <= 5) return TargetReply{503, "{}"};
    const int now = ++running;
    most = std::max(most.load(), now);
    gate.wait();
    --running;
    return TargetReply{200, R"({"n": 7})"};
  });
  publish_guarded(target.url(), R"({"open": 8})");
  {
    DaemonProcess first("worker", database_.dsn());
    for (int i = 0; i < 5; ++i) finish_in(start("guarded"), "bad");
  }
  EXPECT_EQ(breakers(), "127.0.0.1 open");
  DaemonProcess second("worker", database_.dsn());
  DaemonProcess third("worker", database_.dsn());
  std::vector<std::string> tokens;
  tokens.reserve(4);
  for (int i = 0; i < 4; ++i) tokens.push_back(start("guarded"));
  wait_for_postponed(4);
  EXPECT_EQ(target.seen().size(), 5U);
  target.wait_for_requests(6);
  wait_for_postponed(3, true);
  EXPECT_EQ(breakers(), "127.0.0.1 half_open");
  EXPECT_EQ(target.seen().size(), 6U);
  gate.open();
  for (const std::string& token : tokens) finish_in(token, "good");
  EXPECT_EQ(breakers(), "null");
  EXPECT_EQ(most.load(), 1);
  EXPECT_EQ(target.seen().size(), 9U);
}

TEST_F(BreakerFault, CallsToAHostThatIsWellAskNothingOfTheDatabase) {
  client_.run("alter database " + database_.name() + " set track_functions = 'all'");
  HttpTarget target([](const SeenRequest&, int) { return TargetReply{200, R"({"n": 7})"}; });
  publish_guarded(target.url(), "{}");
  DaemonProcess worker("worker", database_.dsn());
  const auto started = Clock::now();
  client_.run("select sluice.start_session('guarded') from generate_series(1, 300)");
  client_.wait_until("select count(*) from sluice.conversation_sessions where status = 'completed'", "300");
  const auto elapsed = std::chrono::ceil<seconds>(Clock::now() - started);
  EXPECT_EQ(worker.terminate(), 0);  // its connections' counts are complete when they are closed
  const std::string reads_so_far =
      "select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) from pg_stat_user_tables "
      "where relname = 'circuit_breakers'";
  // Each connection's server process adds its counts when it ends.
  client_.wait_until("select coalesce(max(calls), 0) > 0 from pg_stat_user_functions where funcname = 'commit_steps'",
                     "t");
  client_.wait_until("select (" + reads_so_far + ") > 0", "t");
  EXPECT_EQ(
      client_.value("select count(*) from pg_stat_user_functions where funcname in ('admit_call', 'report_calls')"),
      "0");
  EXPECT_LE(std::stoi(client_.value(reads_so_far)), elapsed.count() + 1);  // all breakers at once, once a second
}

TEST_F(BreakerFault, AnOpenBreakerTakesTheFallbackAtOnce) {
  HttpTarget target([](const SeenRequest&, int) { return TargetReply{429, "{}"}; });
  publish_guarded(target.url(), R"({"key": "books", "failures": 1, "open": 600})",
                  R"(, "fallback_response": {"n": "none"})");
  DaemonProcess worker("worker", database_.dsn());
  finish_in(start("guarded"), "good");
  EXPECT_EQ(breakers(), "books open");
  const std::string token = start("guarded");
  finish_in(token, "good");
  EXPECT_EQ(member(token, "state,variables,n"), "none");
  EXPECT_EQ(target.seen().size(), 1U);
}

TEST_F(BreakerFault, AProbeWhoseWorkerIsKilledMakesWay) {
  Gate gate;
  HttpTarget target([&](const SeenRequest&, int count) {
    if (count == 2) gate.wait();
    return count == 1 ? TargetReply{500, "{}"} : TargetReply{200, R"({"n": 7})"};
  });
  publish_guarded(target.url("/{{secret:place}}"), R"({"failures": 1, "open": 1})");
  DaemonProcess first("worker", database_.dsn(), {}, {"SLUICE_SECRET_PLACE=hidden"});
  finish_in(start("guarded"), "bad");
  EXPECT_EQ(breakers(), "127.0.0.1 open");  // nothing of the secret
  const std::string token = start("guarded");
  target.wait_for_requests(2);
  first.kill();
  DaemonProcess second("worker", database_.dsn(), {}, {"SLUICE_SECRET_PLACE=hidden"});
  finish_in(token, "good");
  gate.open();
  EXPECT_EQ(client_.value("select good_probes from sluice.circuit_breakers"), "1");
  EXPECT_EQ(target.seen().back().path, "/hidden");
}

TEST_F(BreakerFault, RefusalsOfOurOwnGuardOpenNothing) {
  publish_guarded("http://169.254.169.254/", R"({"failures": 1})");
  DaemonProcess worker("worker", database_.dsn());
  finish_in(start("guarded"), "bad");
  EXPECT_EQ(breakers(), "null");
}

TEST_F(BreakerFault, AFreeStandingTaskWaitsForTheBreakerToo) {
  HttpTarget target([](const SeenRequest&, int count) { return TargetReply{count == 1 ? 500 : 200, "{}"}; });
  const std::string task = R"({"url": ")" + target.url() + R"(", "circuit_breaker": {"failures": 1, "open": 3}})";
  DaemonProcess worker("worker", database_.dsn());
  client_.run(fmt::format("select sluice.enqueue('http', '{}', max_attempts => 1)", task));
  client_.wait_until("select count(*) from sluice.task_failures", "1");
  client_.run(fmt::format("select sluice.enqueue('http', '{}', max_attempts => 1)", task));
  client_.wait_until(
      "select string_agg(status, ',' order by completed_at) from sluice.task_idempotency_records where status = "
      "'completed'",
      "completed");
  EXPECT_EQ(target.seen().size(), 2U);
  EXPECT_EQ(client_.value("select good_probes from sluice.circuit_breakers"), "1");
}

}  // namespace
}  // namespace sluice::test
