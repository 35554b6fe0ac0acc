// DESIGN 5 and FLOW 8 under faults: what a worker does to a session happens once or not at all.
#include <set>

#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class WorkerFault : public FaultTest {
 protected:
  // A flow "hook": one webhook node that maps "n" of the answer, then a message. Requests wait for gate_ as `held`
  // says.
  void publish_hook(const std::string& url) {
    publish(R"({"name": "hook", "entry_node_id": "call", "nodes": [
      {"node_id": "call", "node_type": "webhook",
       "content": {"url": ")" +
            url + R"(", "body": {"a": 1}, "response_mapping": {"n": "$.n"}, "retry": {"attempts": 1}}},
      {"node_id": "bye", "node_type": "message", "content": {"messages": [{"type": "text", "text": "got {{variables.n}}"}]}}],
      "connections": [{"source_node_id": "call", "target_node_id": "bye", "connection_type": "success"},
                      {"source_node_id": "call", "target_node_id": "bye", "connection_type": "failure"}]})");
  }

  std::string whole_session(const std::string& token) {
    return client_.value(fmt::format("select sluice.session('{}')::text", token));
  }
  std::string goodbyes() {
    return client_.value("select count(*) from sluice.conversation_history where node_id = 'bye'");
  }
  std::string records() { return client_.value("select string_agg(status, ',') from sluice.task_idempotency_records"); }

  Gate gate_;
  HttpTarget held_{[this](const SeenRequest&, int) {
    gate_.wait();
    return TargetReply{200, R"({"n": 7})"};
  }};
  HttpTarget first_held_{[this](const SeenRequest&, int count) {
    if (count == 1) gate_.wait();
    return TargetReply{200, count == 1 ? R"({"n": "first"})" : R"({"n": 7})"};
  }};
};

TEST_F(WorkerFault, TaskWhoseSessionMovedOnChangesNothingAndIsDiscarded) {
  publish_hook(held_.url());
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("hook");
  held_.wait_for_requests(1);
  client_.run(fmt::format("select sluice.end_session('{}', 'abandoned')", token));
  const std::string before = whole_session(token);
  gate_.open();
  client_.wait_until("select string_agg(status, ',') from sluice.task_idempotency_records", "discarded");
  EXPECT_EQ(whole_session(token), before);
  EXPECT_EQ(goodbyes(), "0");
  EXPECT_EQ(client_.value("select error_message from sluice.task_idempotency_records"), "its session is abandoned");
}

// One id from the application's own request to the services that a flow and a free-standing task call.
TEST_F(WorkerFault, RequestsCarryTheTraceOrTheCorrelationIdTheirCallerGave) {
  gate_.open();
  publish_hook(held_.url());
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  DaemonProcess worker("worker", database_.dsn());
  client_.run("set sluice.correlation_id = '" + trace + "'");
  wait_for_status(start("hook"), "completed");
  client_.run("set sluice.correlation_id = 'order 66'");
  client_.run(fmt::format("select sluice.enqueue('http', jsonb_build_object('url', '{}'))", held_.url()));
  held_.wait_for_requests(2);
  const std::vector<SeenRequest> seen = held_.seen();
  EXPECT_EQ(seen[0].headers.at("traceparent"), trace);
  EXPECT_FALSE(seen[0].headers.contains("x-correlation-id"));
  EXPECT_EQ(seen[1].headers.at("x-correlation-id"), "order 66");
  EXPECT_FALSE(seen[1].headers.contains("traceparent"));
}

TEST_F(WorkerFault, RequestsToDeniedAddressesAndToTheDatabaseAreRefused) {
  DaemonProcess worker("worker", database_.dsn());
  client_.run(
      fmt::format("select sluice.enqueue('http', jsonb_build_object('url', url)) from unnest(array["
                  "'http://10.0.0.1/', 'http://127.0.0.1:{}/']) as url",
                  TestCluster::instance().port()));
  client_.wait_until(
      "select string_agg(status || ' ' || split_part(error_message, ':', 1), ', ' order by error_message) from "
      "sluice.task_idempotency_records",
      "failed own_service, failed private_network");
}

TEST_F(WorkerFault, PatchDuringARunningWebhookKeepsTheOutcomeAndRepeatsNoRequest) {
  publish_hook(held_.url());
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("hook");
  held_.wait_for_requests(1);
  client_.run(fmt::format(R"(select sluice.patch_state('{}', '{{"variables": {{"mine": true}}}}'))", token));
  gate_.open();
  wait_for_status(token, "completed");
  EXPECT_EQ(member(token, "state,variables"), R"({"n": 7, "mine": true})");
  EXPECT_EQ(member(token, "revision"), "4");  // start 2, patch 3, outcome 4
  EXPECT_EQ(held_.seen().size(), 1U);
}

TEST_F(WorkerFault, KilledInTheMiddleOfACallNothingIsLostAndNothingAppliedTwice) {
  publish_hook(first_held_.url());
  std::string token;
  {
    DaemonProcess first("worker", database_.dsn());
    token = start("hook");
    first_held_.wait_for_requests(1);
    first.kill();
  }
  DaemonProcess second("worker", database_.dsn());
  wait_for_status(token, "completed");
  gate_.open();
  EXPECT_EQ(member(token, "revision"), "3");
  EXPECT_EQ(goodbyes(), "1");
  std::set<std::string> keys;
  for (const SeenRequest& request : first_held_.seen()) keys.insert(request.headers.at("idempotency-key"));
  EXPECT_EQ(keys, std::set<std::string>{member(token, "session_id") + ":call:2"});
  EXPECT_EQ(records(), "completed");
}

TEST_F(WorkerFault, AWorkerStoppedForLongerThanItsClaimsChangesNothingWhenItWakes) {
  publish_hook(first_held_.url());
  DaemonProcess zombie("worker", database_.dsn());
  const std::string token = start("hook");
  first_held_.wait_for_requests(1);
  zombie.stop_clock();
  DaemonProcess other("worker", database_.dsn());
  wait_for_status(token, "completed");
  const std::string before = whole_session(token);
  gate_.open();
  zombie.continue_clock();
  EXPECT_EQ(zombie.terminate(), 0);  // it finishes what it has in flight first
  EXPECT_NE(zombie.log().find("outcome=lost"), std::string::npos) << zombie.log();
  EXPECT_EQ(whole_session(token), before);
  EXPECT_EQ(member(token, "state,variables,n"), "7");
}

TEST_F(WorkerFault, TwoWorkersKilledAtRandomApplyEachTaskOnce) {
  publish(R"({"name": "count", "entry_node_id": "n0", "nodes": [
    {"node_id": "n0", "node_type": "action", "content": {"actions": [{"type": "increment", "variable": "n"}]}},
    {"node_id": "n1", "node_type": "action", "content": {"actions": [{"type": "increment", "variable": "n"}]}},
    {"node_id": "n2", "node_type": "action", "content": {"actions": [{"type": "increment", "variable": "n"}]}},
    {"node_id": "n3", "node_type": "action", "content": {"actions": [{"type": "increment", "variable": "n"}]}}],
    "connections": [{"source_node_id": "n0", "target_node_id": "n1"}, {"source_node_id": "n1", "target_node_id": "n2"},
                    {"source_node_id": "n2", "target_node_id": "n3"}]})");
  client_.run("select sluice.start_session('count') from generate_series(1, 2000)");
  {
    DaemonProcess first("worker", database_.dsn());
    DaemonProcess second("worker", database_.dsn());
    client_.wait_until("select count(*) > 100 from sluice.conversation_sessions where revision > 2", "t");
    first.kill();
    DaemonProcess third("worker", database_.dsn());
    second.kill();
  }
  DaemonProcess last("worker", database_.dsn());
  client_.wait_until("select count(*) from sluice.conversation_sessions where status = 'completed'", "2000");
  const auto none = [&](const std::string& from) {
    EXPECT_EQ(client_.value("select count(*) from " + from), "0") << from;
  };
  none("sluice.conversation_sessions where revision <> 6 or state #>> '{variables,n}' <> '4'");
  none("(select session_id from sluice.conversation_history group by 1 having count(*) <> 4) wrong");
  none("(select idempotency_key from sluice.task_idempotency_records group by 1 having count(*) <> 1) wrong");
}

TEST_F(WorkerFault, ShutdownHandsBackWhatIsNotDoneWithoutCountingAnAttempt) {
  publish_hook(held_.url());
  DaemonProcess worker("worker", database_.dsn(), {"--daemon.shutdown_timeout", "1s"});
  const std::string token = start("hook");
  held_.wait_for_requests(1);
  EXPECT_EQ(worker.terminate(), 0);
  EXPECT_EQ(client_.value("select attempt from sluice_private.tasks where kind = 'webhook' and claimed_by is null"),
            "1");
  gate_.open();
  DaemonProcess other("worker", database_.dsn());
  wait_for_status(token, "completed");
}

TEST_F(WorkerFault, ARetryKeepsItsKey) {
  HttpTarget failing([](const SeenRequest&, int count) {
    return count == 1 ? TargetReply{503, "{}"} : TargetReply{200, R"({"n": 7})"};
  });
  publish(R"({"name": "retry", "entry_node_id": "call", "nodes": [{"node_id": "call", "node_type": "webhook", "content":
    {"url": ")" +
          failing.url() +
          R"(", "response_mapping": {"n": "$.n"}, "retry": {"attempts": 3, "delay": 0}}}], "connections": []})");
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("retry");
  wait_for_status(token, "completed");
  const auto seen = failing.seen();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].headers.at("idempotency-key"), seen[1].headers.at("idempotency-key"));
  EXPECT_EQ(member(token, "revision"), "3");
}

TEST_F(WorkerFault, ContentIsReadByIdWithAVariantThatStaysWithItsSession) {
  client_.run(R"(insert into sluice.cms_content (content_id, content) values ('hello', '{"text": "plain"}');
    insert into sluice.cms_content_variants (content_id, name, weight, condition, content) values
      ('hello', 'never', 100, '{"var": "user.vip", "eq": true}', '{"text": "for few"}'), ('hello', 'b', 1, null, '{"text": "Hi {{user.name}}"}'))");
  publish(R"({"name": "greet", "entry_node_id": "m", "variables": {}, "nodes": [
    {"node_id": "m", "node_type": "message", "content": {"messages": [{"content_id": "hello"}]}}], "connections": []})");
  DaemonProcess worker("worker", database_.dsn());
  const std::string token =
      client_.value(R"(select session_token from sluice.start_session('greet', null, '{"user": {"name": "Ada"}}'))");
  wait_for_status(token, "completed");
  EXPECT_EQ(client_.value(fmt::format("select content ->> 'text' from sluice.history('{}')", token)), "Hi Ada");
}

TEST_F(WorkerFault, ContentIsReadByAnIdThatIsMadeAtTheStep) {
  client_.run(R"(insert into sluice.cms_content (content_id, content) values
    ('hello-en', '{"text": "Hello"}'), ('hello-de', '{"text": "Hallo"}'), ('other', '{"text": "Other"}'))");
  publish(R"({"name": "greet", "entry_node_id": "m", "variables": {}, "nodes": [
    {"node_id": "m", "node_type": "message", "content": {"messages": [
      {"content_id": "hello-{{user.language}}"}, {"content_id": "{{user.extra}}"}]}}], "connections": []})");
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = client_.value(
      R"(select session_token from sluice.start_session('greet', null, '{"user": {"language": "de", "extra": "other"}}'))");
  wait_for_status(token, "completed");
  EXPECT_EQ(
      client_.value(fmt::format(
          "select string_agg(content ->> 'text', ' ' order by content ->> 'text') from sluice.history('{}')", token)),
      "Hallo Other");
}

TEST_F(WorkerFault, ServerRestartedInTheMiddleNothingIsLost) {
  // The tests' server commits asynchronously, so an immediate shutdown may lose what it has confirmed; not here.
  client_.run("alter database " + database_.name() + " set synchronous_commit = on");
  client_.run("set synchronous_commit = on");
  publish_hook(held_.url());
  DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("hook");
  held_.wait_for_requests(1);
  TestCluster::instance().restart("immediate");
  gate_.open();
  Client after(database_.dsn());
  after.wait_until(fmt::format("select sluice.session('{}') ->> 'status'", token), "completed");
  EXPECT_EQ(after.value(fmt::format("select sluice.session('{}') ->> 'revision'", token)), "3");
}

}  // namespace
}  // namespace sluice::test
