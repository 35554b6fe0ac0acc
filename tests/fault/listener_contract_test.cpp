// What DESIGN 4 promises to those around a listener: plain LISTEN clients, operators of a restored database, writers of
// every kind, and whoever watches its lag. SLUICE_WRITER_OPEN_SECONDS keeps the open writer for longer than the suite.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "core/base/json.h"
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;

class ListenerContract : public FaultTest {
 protected:
  void see_all() {
    client_.run(
        "create table seen (place bigint generated always as identity, id bigint, session_id uuid, revision int);"
        "create function see(events jsonb) returns void language sql as $$"
        "  insert into public.seen (id, session_id, revision) select (e ->> 'id')::bigint, (e ->> 'session_id')::uuid,"
        "    (e #>> '{data,revision}')::int from jsonb_array_elements(events) with ordinality as w (e, n) order by n "
        "$$;"
        "select sluice.on_event('see', '{*}', 'see(jsonb)')");
  }

  // An event that is too large for a notification, and one that is not; their ids.
  std::pair<std::string, std::string> emit_large_and_small() {
    const std::string large =
        client_.value("select sluice.emit('file.read', 'f', jsonb_build_object('text', repeat('x', 9000)))");
    return {large, client_.value("select sluice.emit('file.read', 'f', '{\"text\": \"short\"}')")};
  }

  // The two as a client that knows nothing but LISTEN gets them: the large one without its data, but with its id.
  static void expect_large_and_small(Client& listening, const std::pair<std::string, std::string>& ids) {
    const std::vector<std::string> payloads = listening.notifications(2);
    ASSERT_EQ(payloads.size(), 2U);
    const auto large = parse_json(payloads[0]);
    const auto small = parse_json(payloads[1]);
    ASSERT_TRUE(large && small) << payloads[0];
    EXPECT_EQ(std::to_string((*large)["id"].GetInt64()), ids.first);
    EXPECT_TRUE((*large)["truncated"].GetBool());
    EXPECT_EQ(find(*large, "data"), nullptr);
    EXPECT_EQ(string_member(*large, "type"), "file.read");
    EXPECT_EQ(std::to_string((*small)["id"].GetInt64()), ids.second);
    EXPECT_EQ(find(*small, "truncated"), nullptr);
    EXPECT_EQ(string_member((*small)["data"], "text"), "short");
  }

  [[nodiscard]] CommandResult sluice(const std::vector<std::string>& words) const {
    std::vector<std::string> command{"timeout", "20", std::string(SLUICE_BINARY_DIR) + "/bin/sluice"};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {"--dsn", database_.dsn()});
    return run_command(command);
  }

  // A listener must not touch cursors of another history, and resync is the way out that it names.
  void expect_refusal_until_resync(const std::string& problem) {
    client_.run("insert into seen (id) values (0)");  // what a handler did before the database was copied
    const CommandResult refused = sluice({"listener"});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.output, HasSubstr(problem));
    EXPECT_THAT(refused.output, HasSubstr("sluice events resync"));
    EXPECT_EQ(client_.value("select count(*) from seen"), "1");
    const CommandResult resync = sluice({"events", "resync"});
    EXPECT_EQ(resync.exit_code, 0) << resync.output;
    const DaemonProcess listener("listener", database_.dsn());
    client_.run("select sluice.emit('after.resync')");
    client_.wait_until("select count(*) from seen", "3");  // the one that nobody had handled, and this
    client_.wait_until("select events_behind from sluice.consumer_lag where name = 'see'", "0");
    EXPECT_EQ(client_.value("select count(*) from seen"), "3") << "what was handled does not come again";
  }
};

TEST_F(ListenerContract, RelayLeavesLargeBodiesOutAndSaysSo) {
  Client listening(database_.dsn());
  listening.run("listen flow_events");
  const DaemonProcess listener("listener", database_.dsn());
  expect_large_and_small(listening, emit_large_and_small());
  EXPECT_EQ(client_.value("select octet_length(body) > 9000 from sluice.flow_events order by id limit 1"), "t");
  EXPECT_EQ(client_.value("select count(*) from sluice.event_failures"), "0");
}

TEST_F(ListenerContract, DirectModeNotifiesWithoutAListener) {
  Client listening(database_.dsn());
  listening.run("listen flow_events");
  client_.run(
      "insert into sluice.settings (key, value) values ('notify', '\"direct\"') on conflict (key) do update set value "
      "= excluded.value");
  expect_large_and_small(listening, emit_large_and_small());
  client_.run(
      "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token) values (gen_random_uuid(), "
      "1, 's')");
  const std::vector<std::string> started = listening.notifications(1);
  ASSERT_EQ(started.size(), 1U);
  EXPECT_THAT(started[0], HasSubstr("\"type\":\"session_started\""));
}

// A worker's steps are told by its own commits, each event once; a listener that starts later hands them to handlers.
TEST_F(ListenerContract, DirectModeTellsOfAWorkersStepsAndHandlersStillSeeThemOnce) {
  see_all();
  client_.run("insert into sluice.settings (key, value) values ('notify', '\"direct\"')");
  publish(R"({"name": "talk", "entry_node_id": "a",
    "nodes": [{"node_id": "a", "node_type": "question", "content": {"question": "?", "variable": "x"}}], "connections": []})");
  Client listening(database_.dsn());
  listening.run("listen flow_events");
  const DaemonProcess worker("worker", database_.dsn());
  const std::string token = start("talk");
  client_.wait_until("select sluice.session('" + token + "') #>> '{wait,for}'", "input");
  client_.run("select sluice.send_input('" + token + "', '{\"text\": \"Ada\"}')");
  wait_for_status(token, "completed");
  // Several events of one statement, and several statements of one transaction.
  client_.run(
      "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token)"
      "  select gen_random_uuid(), 1, 's' || n from generate_series(1, 3) as n;"
      "select sluice.emit('one'); select sluice.emit('two')");
  const std::string events = client_.value("select count(*) from sluice.flow_events");
  EXPECT_GE(std::stoi(events), 8) << "a start, two steps, and five more";
  const std::vector<std::string> told =
      listening.notifications(static_cast<std::size_t>(std::stoi(events)) + 1, seconds(2));
  EXPECT_EQ(fmt::format("{}", fmt::join(told, "\n")),
            client_.value("select string_agg(sluice_private.notify_body(e), E'\\n' order by e.id) from "
                          "sluice.flow_events e"));
  EXPECT_EQ(client_.value("select count(*) from seen"), "0");
  const DaemonProcess listener("listener", database_.dsn());
  client_.wait_until("select count(*) from seen", events);
  client_.wait_until("select events_behind from sluice.consumer_lag where name = 'see'", "0");
  EXPECT_EQ(client_.value("select count(distinct id) from seen"), events);
}

TEST_F(ListenerContract, RefusesCursorsOfAnotherClusterUntilResync) {
  see_all();
  client_.run("select sluice.emit('before'); update sluice.event_consumers set system_identifier = 1");
  expect_refusal_until_resync("the database comes from another cluster");
}

TEST_F(ListenerContract, RefusesCursorsFromTheFutureUntilResync) {
  see_all();
  const auto later = [](int transactions) {
    return fmt::format("(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + {})", transactions);
  };
  client_.run("select sluice.emit('handled'), sluice.emit('before')");
  client_.run("update sluice_private.event_positions set cursor = format('%1$s:%1$s:', " + later(1'000'000) +
              ")::pg_snapshot; update sluice.flow_events set xid = case event_type when 'handled' then " +
              later(500'000) + " else " + later(2'000'000) + " end::text::xid8");
  expect_refusal_until_resync("the cursor is ahead of the cluster's transactions");
}

// wake = poll, because PREPARE TRANSACTION refuses a transaction that notified.
TEST_F(ListenerContract, WritersOfEveryKindAreSeenOnceBesideOneThatStaysOpen) {
  const char* given = std::getenv("SLUICE_WRITER_OPEN_SECONDS");
  const int open_for = given != nullptr ? std::atoi(given) : 2;
  see_all();
  client_.run(
      "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token)"
      "  select gen_random_uuid(), 1, 's' || n from generate_series(1, 20) as n");
  const DaemonProcess listener("listener", database_.dsn(),
                               {"--database.wake", "poll", "--database.poll_interval", "2ms"});
  client_.wait_until("select pg_sequence_last_value('sluice.events_awake')", "0");
  Client late(database_.dsn());
  late.run("begin; update sluice.conversation_sessions set revision = revision + 1 where session_token = 's20'");

  const auto step = [](const std::string& session) {
    return "update sluice.conversation_sessions set revision = revision + 1 where session_token = 's' || :" + session +
           ";\n";
  };
  const std::string sessions = "\\set s random(1, 19)\n\\set t random(1, 19)\n";
  const std::string prepared = database_.name() + "_:client_id";
  std::vector<std::string> command{
      "pgbench", "-n", "-c", "8", "-j", "1", "--max-tries=200", "-T", std::to_string(open_for)};
  const std::vector<std::string> kinds{
      step("s"),
      "begin;\n" + step("s") + "savepoint x;\n" + step("t") + "rollback to x;\n" + step("s") + "commit;\n",
      "begin;\n" + step("s") + "rollback;\n",
      "begin isolation level repeatable read;\n" + step("s") + step("t") + "commit;\n",
      "begin isolation level serializable;\n" + step("s") + step("t") + "commit;\n",
      "begin;\n" + step("s") + "prepare transaction '" + prepared + "';\ncommit prepared '" + prepared + "';\n"};
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    const std::string file = fmt::format("{}/{}_{}.sql", testing::TempDir(), database_.name(), kind);
    std::ofstream(file) << sessions << kinds[kind];
    command.insert(command.end(), {"-f", file});
  }
  command.push_back(TestCluster::instance().dsn(database_.name()));
  const CommandResult writers = run_command(command);
  EXPECT_EQ(writers.exit_code, 0) << writers.output;

  const std::string behind = "select events_behind from sluice.consumer_lag where name = 'see'";
  const std::string once =
      "select count(*) = count(distinct id) and count(*) = (select sum(revision) from sluice.conversation_sessions) "
      "from seen";
  client_.wait_until(behind, "0");
  EXPECT_EQ(client_.value(once), "t") << "while a writer is open";
  late.run("commit");
  client_.wait_until(
      "select count(*) from seen join sluice.conversation_sessions s on s.id = session_id where session_token = 's20'",
      "2");
  EXPECT_EQ(client_.value(once), "t");
  EXPECT_EQ(
      client_.value(
          "select count(*) from (select revision, lag(revision, 1, 0) over (partition by session_id order by place) as "
          "before from seen) as w where revision <> before + 1"),
      "0");
  EXPECT_EQ(client_.value("select count(*) > 50 from seen"), "t");
}

TEST_F(ListenerContract, LagAndBatchesAreShownInTheViewAndInMetrics) {
  client_.run(
      "create function wait(events jsonb) returns void language sql as $$ select pg_advisory_xact_lock(7) $$;"
      "select sluice.on_event('slow', '{*}', 'wait(jsonb)'), sluice.on_event('other', '{never}', 'wait(jsonb)')");
  client_.run("select sluice.emit('a'), sluice.emit('b'), sluice.emit('c')");
  client_.run("select pg_advisory_lock(7), pg_sleep(0.01)");
  const DaemonProcess listener("listener", database_.dsn(), with_metrics());
  const std::string lag =
      "select concat_ws(' ', events_behind, seconds_behind > 0.01, running, enabled, parked) from sluice.consumer_lag "
      "where name = ";
  client_.wait_until(lag + "'slow'", "3 t t t 0");
  client_.wait_until(lag + "'other'", "0 f t t 0");
  client_.wait_until(lag + "'relay'", "0 f t t 0");
  while (metric(listener, "sluice_events_lag_rows{consumer=\"slow\"}", 0) != 3) client_.value("select pg_sleep(0.02)");
  EXPECT_GE(metric(listener, "sluice_events_lag_seconds{consumer=\"slow\"}"), 0);
  client_.run("select pg_advisory_unlock(7)");
  client_.wait_until(lag + "'slow'", "0 f t t 0");
  EXPECT_EQ(metric(listener, "sluice_events_handled_total{consumer=\"slow\"}"), 3);
  EXPECT_EQ(metric(listener, "sluice_events_batch_events_count{consumer=\"slow\"}"), 1);
  EXPECT_EQ(metric(listener, "sluice_events_batch_events_sum{consumer=\"slow\"}"), 3);
  EXPECT_GT(metric(listener, "sluice_events_polls_total"), 0);
  // A ring that comes while it drains is answered too, but did not wake it.
  while (metric(listener, "sluice_events_notifications_total", 0) == 0)
    client_.run("select sluice.emit('d'); select pg_sleep(0.1)");
  client_.wait_until(lag + "'slow'", "0 f t t 0");
  EXPECT_GE(metric(listener, "sluice_events_declared_total"), 1);
  EXPECT_EQ(metric(listener, "sluice_events_found_by_heartbeat_total"), 0);
}

}  // namespace
}  // namespace sluice::test
