// What a listener must bear: a long sleep, half-open connections, no notifications, and random deaths of everybody
// (DESIGN 4 and 7). SLUICE_SOAK_SECONDS makes the random deaths go on for longer than the suite has time for.
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/fault/fault_fixture.h"
#include "tests/support/command.h"
#include "tests/support/sanitizer.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::test {
namespace {

class ListenerEndurance : public FaultTest {
 protected:
  // Two handlers that remember what they saw, in order; a task for each event; and a message for each.
  void register_consumers() {
    client_.run(
        "create table seen (consumer text, place bigint generated always as identity, id bigint, session_id uuid,"
        "  revision int);"
        "create function see(c text, events jsonb) returns void language sql as $$"
        "  insert into public.seen (consumer, id, session_id, revision) select c, (e ->> 'id')::bigint,"
        "    (e ->> 'session_id')::uuid, (e #>> '{data,revision}')::int"
        "  from jsonb_array_elements(events) with ordinality as w (e, n) order by n $$;"
        "create function see_a(events jsonb) returns void language sql as $$ select public.see('a', events) $$;"
        "create function see_b(events jsonb) returns void language sql as $$ select public.see('b', events) $$;"
        "select sluice.on_event('a', '{*}', 'see_a(jsonb)'), sluice.on_event('b', '{*}', 'see_b(jsonb)');"
        "select sluice.subscribe('https://example.org/', '{*}');"
        "insert into sluice.conversation_sessions (flow_id, flow_version_id, session_token)"
        "  select gen_random_uuid(), 1, 's' || n from generate_series(1, 40) as n");
  }

  // Nothing lost, nothing twice, each session's revisions in order, by the word of the sessions themselves.
  static void expect_all_seen_once(Client& client) {
    const std::string behind =
        "select coalesce(string_agg(name, ' '), 'none') from sluice.consumer_lag where name in ('a', 'b', 'webhooks') "
        "and events_behind > 0";
    client.wait_until(behind, "none");
    const std::string committed =
        client.value("select sum(revision) from sluice.conversation_sessions");  // one to begin with, one an update
    for (const std::string consumer : {"a", "b"}) {
      EXPECT_EQ(client.value("select count(*) from seen where consumer = '" + consumer + "'"), committed) << consumer;
      EXPECT_EQ(client.value("select count(distinct id) from seen where consumer = '" + consumer + "'"), committed)
          << consumer;
    }
    EXPECT_EQ(client.value("select count(*) from (select revision, lag(revision, 1, 0) over (partition by consumer, "
                           "session_id order by place) as before from seen) as w where revision <> before + 1"),
              "0");
    EXPECT_EQ(client.value("select count(*) from sluice.webhook_messages"), committed);
    EXPECT_EQ(client.value("select count(distinct event_id) from sluice.webhook_messages"), committed);
  }
};

// 72 MB of bodies: whoever read them at once would not stay below the limit.
TEST_F(ListenerEndurance, ListenerThatSleptCatchesUpInLittleMemory) {
  client_.run(
      "create table seen (id bigint); create function see(events jsonb) returns void language sql as $$"
      "  insert into public.seen select (e ->> 'id')::bigint from jsonb_array_elements(events) as e $$;"
      "select sluice.on_event('see', '{*}', 'see(jsonb)');"
      "select sluice_private.add_consumer('lines', 'log', '{*}', '{}');"
      "insert into sluice.flow_events (slot, event_type, body)"
      "  select sluice_private.current_slot(), 'slept.through', format('{\"type\":\"slept.through\",\"data\":\"%s\"}', "
      "repeat('x', 6000)) from generate_series(1, 12000)");
  const DaemonProcess listener("listener", database_.dsn());
  client_.wait_until("select coalesce(string_agg(name, ' '), 'none') from sluice.consumer_lag where events_behind > 0",
                     "none");
  EXPECT_EQ(client_.value("select count(distinct id) || ' of ' || count(*) from seen"), "12000 of 12000");
  if (!kSanitized) EXPECT_LE(listener.peak_mebibytes(), 64);
}

TEST_F(ListenerEndurance, HalfOpenConnectionsAreFoundAndMadeAnew) {
  register_consumers();
  TcpProxy proxy(TestCluster::instance().port());
  const DaemonProcess listener("listener", database_.dsn_through(proxy.port()));
  expect_all_seen_once(client_);
  client_.run("update sluice.conversation_sessions set revision = revision + 1");  // so that statements are under way
  proxy.drop_traffic();
  client_.run("update sluice.conversation_sessions set revision = revision + 1");
  client_.run("select pg_sleep(1.5)");  // the heartbeat of each second goes into the void, so its connection is dead
  EXPECT_GT(proxy.bytes_dropped(), 0);
  proxy.pass_traffic();  // what was dropped stays lost: the old connections never answer again
  expect_all_seen_once(client_);
}

// Asleep it sends nothing but the doorbell's heartbeat, which alone can tell that nobody would ring.
TEST_F(ListenerEndurance, AHalfOpenConnectionIsFoundWhileItSleeps) {
  register_consumers();
  TcpProxy proxy(TestCluster::instance().port());
  const DaemonProcess listener("listener", database_.dsn_through(proxy.port()));
  expect_all_seen_once(client_);
  client_.wait_until("select pg_sequence_last_value('sluice.events_awake')", "1");
  client_.run("select pg_sleep(0.5)");
  proxy.drop_traffic();
  client_.run("update sluice.conversation_sessions set revision = revision + 1");
  client_.run("select pg_sleep(1.5)");
  EXPECT_GT(proxy.bytes_dropped(), 0);
  proxy.pass_traffic();
  expect_all_seen_once(client_);
}

TEST_F(ListenerEndurance, WithoutNotificationsItPollsAndPreparedTransactionsWork) {
  register_consumers();
  std::vector<std::string> options = with_metrics();
  options.insert(options.end(), {"--database.wake", "poll", "--database.poll_interval", "5ms"});
  const DaemonProcess listener("listener", database_.dsn(), options);
  client_.wait_until("select pg_sequence_last_value('sluice.events_awake')", "0");
  for (int n = 0; n < 5; ++n) {
    client_.run("begin; update sluice.conversation_sessions set revision = revision + 1 where session_token = 's1'");
    client_.run(fmt::format("prepare transaction '{}'", database_.name()));
    client_.run("update sluice.conversation_sessions set revision = revision + 1 where session_token = 's2'");
    client_.run(fmt::format("commit prepared '{}'", database_.name()));
    expect_all_seen_once(client_);
  }
  EXPECT_EQ(metric(listener, "sluice_events_notifications_total"), 0);
  EXPECT_EQ(metric(listener, "sluice_events_declared_total"), 0);
  EXPECT_EQ(client_.value("select count(*) from pg_stat_activity where datname = current_database() and query ilike "
                          "'listen %'"),
            "0");
}

// Bursts and silence in turn, so that the listener goes to sleep again and again while writers begin.
TEST_F(ListenerEndurance, BurstsFromIdleAreNeverFoundByTheHeartbeat) {
  register_consumers();
  const DaemonProcess first("listener", database_.dsn(), with_metrics());
  const DaemonProcess second("listener", database_.dsn(), with_metrics());
  std::mt19937 random(20261124);
  for (int n = 0; n < 40; ++n) {
    const auto pause = std::uniform_int_distribution<int>(0, 40)(random);
    client_.run(fmt::format("select pg_sleep({} / 1000.0)", pause));
    const int writes = n % 3 == 0 ? 8 : 1;
    for (int w = 0; w < writes; ++w) {
      client_.run(fmt::format(
          "update sluice.conversation_sessions set revision = revision + 1 where session_token = 's{}'", w + 1));
    }
  }
  expect_all_seen_once(client_);
  EXPECT_EQ(metric(first, "sluice_events_found_by_heartbeat_total"), 0);
  EXPECT_EQ(metric(second, "sluice_events_found_by_heartbeat_total"), 0);
}

// Over a slow network a commit is often visible to the heartbeat's poll before its notification is heard.
TEST_F(ListenerEndurance, ANotificationThatComesAfterTheHeartbeatsPollIsNotTakenForLost) {
  register_consumers();
  TcpProxy proxy(TestCluster::instance().port());
  const DaemonProcess listener("listener", database_.dsn_through(proxy.port()), with_metrics());
  expect_all_seen_once(client_);
  proxy.delay_traffic(std::chrono::milliseconds(150));
  for (int n = 0; n < 6; ++n) {
    client_.run(
        "select pg_sleep(1.7)");  // it falls asleep, and its heartbeats are at some moment of a second of their own
    client_.run("update sluice.conversation_sessions set revision = revision + 1 where session_token = 's1'");
  }
  expect_all_seen_once(client_);
  client_.run("select pg_sleep(1.5)");
  EXPECT_EQ(metric(listener, "sluice_events_found_by_heartbeat_total"), 0);
}

TEST_F(ListenerEndurance, TakesOverWithinFiveSecondsAndIsListedAsAProcess) {
  register_consumers();
  auto first = std::make_unique<DaemonProcess>("listener", database_.dsn());
  client_.wait_until("select count(*) from sluice.consumer_lag where running", "4");
  const DaemonProcess second("listener", database_.dsn());
  client_.wait_until(
      "select count(*) from jsonb_array_elements(sluice.status() -> 'processes') as p where p ->> 'kind' "
      "= 'listener' and (p ->> 'alive')::boolean",
      "2");
  first->kill();
  client_.run(
      "create table killed as select clock_timestamp() as at;"
      "update sluice.conversation_sessions set revision = revision + 1");
  client_.wait_until("select count(distinct consumer) from seen where revision = 2", "2");
  EXPECT_EQ(client_.value("select extract(epoch from clock_timestamp() - at) < 5 from killed"), "t");
  expect_all_seen_once(client_);
}

TEST_F(ListenerEndurance, ServerRestartedAndListenersKilledAtRandomNothingIsLostNorTwice) {
  const char* given = std::getenv("SLUICE_SOAK_SECONDS");
  const seconds length(given != nullptr ? std::atoi(given) : 4);
  register_consumers();
  client_.run(fmt::format("alter database {} set synchronous_commit = on", database_.name()));
  const TestCluster& cluster = TestCluster::instance();
  const std::string script = fmt::format("{}/soak.sql", testing::TempDir());
  std::atomic<bool> over = false;
  std::thread writers([&] {
    run_command({"sh", "-c",
                 "printf '%s\n' '\\set s random(1, 40)' '\\set t random(1, 40)' '\\set late random(0, 30)' 'begin;'"
                 " \"update sluice.conversation_sessions set revision = revision + 1 where session_token = 's' || :s;\""
                 " '\\sleep :late ms' 'savepoint x;'"
                 " \"update sluice.conversation_sessions set revision = revision + 1 where session_token = 's' || :t;\""
                 " 'rollback to x;' 'commit;' > " +
                     script});
    while (!over) {
      run_command({"pgbench", "-n", "-c", "6", "-T", "2", "-f", script, cluster.dsn(database_.name())});
    }
  });
  std::vector<std::unique_ptr<DaemonProcess>> listeners(2);
  std::mt19937 random(std::random_device{}());
  int missed = 0;
  int kills = 0;
  int restarts = 0;
  const auto end = Clock::now() + length;
  while (Clock::now() < end) {
    for (auto& listener : listeners) {
      if (!listener) listener = std::make_unique<DaemonProcess>("listener", database_.dsn(), with_metrics());
    }
    const auto pause = std::chrono::milliseconds(std::uniform_int_distribution<int>(100, 1500)(random));
    std::this_thread::sleep_for(pause);  // until the random moment of the next death
    if (random() % 4 == 0) {
      cluster.restart(random() % 2 == 0 ? "immediate" : "fast");
      restarts += 1;
    } else {
      auto& victim = listeners[random() % 2];
      // Nothing if it was started a moment ago and does not serve its metrics yet.
      missed += metric(*victim, "sluice_events_found_by_heartbeat_total", 0);
      victim->kill();
      victim.reset();
      kills += 1;
    }
  }
  over = true;
  writers.join();
  for (auto& listener : listeners) {
    if (!listener) listener = std::make_unique<DaemonProcess>("listener", database_.dsn(), with_metrics());
  }
  Client after(database_.dsn());
  expect_all_seen_once(after);
  for (const auto& listener : listeners) missed += metric(*listener, "sluice_events_found_by_heartbeat_total");
  EXPECT_EQ(missed, 0);
  fmt::print("{} listeners killed, {} server restarts, {} events\n", kills, restarts,
             after.value("select count(*) from sluice.flow_events"));
}

}  // namespace
}  // namespace sluice::test
