// DESIGN 4 under faults: every event reaches its consumers, in a session's order.
#include <map>

#include "core/base/json.h"
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class ListenerFault : public FaultTest {
 protected:
  ListenerFault() {
    publish(R"({"name": "talk", "entry_node_id": "a",
      "nodes": [{"node_id": "a", "node_type": "question", "content": {"question": "?", "variable": "x"}}], "connections": []})");
    listening_.run("listen flow_events");
  }

  void start_sessions(int count) {
    client_.run(fmt::format("select sluice.start_session('talk') from generate_series(1, {})", count));
  }

  // Moves every session on by one revision, in one statement.
  void touch() { client_.run("update sluice.conversation_sessions set revision = revision + 1"); }

  static std::string first_session_to(int revision) {
    return fmt::format(
        "update sluice.conversation_sessions set revision = {} where id = (select min(id::text)::uuid from "
        "sluice.conversation_sessions)",
        revision);
  }
  static std::string last_session_to(int revision) {
    return fmt::format(
        "update sluice.conversation_sessions set revision = {} where id = (select max(id::text)::uuid from "
        "sluice.conversation_sessions)",
        revision);
  }

  Client listening_{database_.dsn()};
};

TEST_F(ListenerFault, KilledAndRestartedItMissesNoEventAndKeepsEachSessionsOrder) {
  start_sessions(20);
  auto listener = std::make_unique<DaemonProcess>("listener", database_.dsn());
  for (int round = 0; round < 30; ++round) {
    touch();
    if (round % 10 == 5) {
      listener->kill();
      touch();
      listener = std::make_unique<DaemonProcess>("listener", database_.dsn());
    }
  }
  const std::size_t expected = 20 + 20 * 33;
  const std::vector<std::string> payloads = listening_.notifications(expected);
  ASSERT_EQ(payloads.size(), expected);
  std::map<std::string, int> revisions;
  for (const std::string& payload : payloads) {
    const auto event = parse_json(payload);
    ASSERT_TRUE(event) << payload;
    const int now = (*event)["data"]["revision"].GetInt();
    int& last = revisions[std::string(string_member(*event, "session_id"))];
    EXPECT_EQ(now, last + 1) << payload;
    last = now;
  }
  EXPECT_EQ(revisions.size(), 20U);
}

TEST_F(ListenerFault, EventOfATransactionThatCommitsLateIsDelivered) {
  start_sessions(2);
  DaemonProcess listener("listener", database_.dsn());
  ASSERT_EQ(listening_.notifications(2).size(), 2U);
  Client late(database_.dsn());
  late.run("begin");
  late.run(first_session_to(100));
  client_.run(last_session_to(200));
  const auto early = listening_.notifications(1);
  ASSERT_EQ(early.size(), 1U);
  EXPECT_NE(early[0].find("\"revision\":200"), std::string::npos) << early[0];
  late.run("commit");
  const auto after = listening_.notifications(1);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_NE(after[0].find("\"revision\":100"), std::string::npos) << after[0];
}

TEST_F(ListenerFault, SqlHandlerSeesEachEventOnceThoughListenersAreKilled) {
  client_.run(
      "create table seen (id bigint, revision int);"
      "create function note(events jsonb) returns void language sql as $$"
      "  insert into public.seen select (e ->> 'id')::bigint, (e #>> '{data,revision}')::int from "
      "jsonb_array_elements(events) e $$;"
      "select sluice.on_event('noter', '{*}', 'note(jsonb)')");
  start_sessions(50);
  auto first = std::make_unique<DaemonProcess>("listener", database_.dsn());
  const DaemonProcess second("listener", database_.dsn());
  for (int round = 0; round < 10; ++round) {
    touch();
    if (round == 5) first->kill();
  }
  client_.wait_until("select count(*) from seen", std::to_string(50 + 50 * 10));
  EXPECT_EQ(client_.value("select count(distinct id) from seen"), std::to_string(50 + 50 * 10));
}

TEST_F(ListenerFault, PoisonEventIsParkedAndTheOthersGoOn) {
  client_.run(
      "create table seen (id bigint);"
      "create function picky(events jsonb) returns void language plpgsql as $$ declare e jsonb; begin"
      "  for e in select * from jsonb_array_elements(events) loop"
      "    if (e #>> '{data,revision}')::int = 666 then raise exception 'cannot take it'; end if;"
      "    insert into public.seen values ((e ->> 'id')::bigint);"
      "  end loop; end $$;"
      "select sluice.on_event('picky', '{*}', 'picky(jsonb)');"
      "update sluice.event_consumers set settings = '{\"max_attempts\": 2}' where name = 'picky'");
  DaemonProcess listener("listener", database_.dsn());
  start_sessions(3);
  client_.run(first_session_to(666));
  client_.run(last_session_to(2));
  client_.wait_until("select count(*) from sluice.event_failures", "1");
  client_.wait_until("select count(*) from seen", "4");
  EXPECT_EQ(client_.value("select error like '%cannot take it%' and attempts = 2 from sluice.event_failures"), "t");
}

// The session's events come in order after the retry, whether they were parked before it or while it ran.
TEST_F(ListenerFault, ParkedEventsAreRetriedInTheOrderOfTheirSession) {
  client_.run(
      "create table seen (place bigint generated always as identity, session_id uuid, revision int);"
      "create table ill (revision int); insert into ill values (10);"
      "create function picky(events jsonb) returns void language plpgsql as $$ declare e jsonb; begin"
      "  for e in select * from jsonb_array_elements(events) loop"
      "    if (e #>> '{data,revision}')::int in (select revision from public.ill) then raise exception 'cannot take "
      "it'; end if;"
      "    insert into public.seen (session_id, revision) values ((e ->> 'session_id')::uuid, (e #>> "
      "'{data,revision}')::int);"
      "  end loop; end $$;"
      "select sluice.on_event('picky', '{*}', 'picky(jsonb)');"
      "update sluice.event_consumers set settings = '{\"max_attempts\": 1}' where name = 'picky'");
  DaemonProcess listener("listener", database_.dsn());
  start_sessions(2);
  for (int revision = 10; revision < 14; ++revision) client_.run(first_session_to(revision));
  client_.run(last_session_to(20));
  client_.wait_until("select count(*) from sluice.event_failures", "4");
  client_.wait_until("select count(*) from seen where revision = 20", "1");
  EXPECT_EQ(client_.value("select sluice.retry_event('picky')"), "1");
  client_.wait_until("select attempts from sluice.event_failures order by event_id limit 1", "2");  // still ill
  EXPECT_EQ(client_.value("select count(*) from sluice.event_failures"), "4");
  client_.run("update ill set revision = 12");
  EXPECT_EQ(client_.value("select sluice.retry_event('picky', max(event_id)) from sluice.event_failures"), "1");
  client_.wait_until("select string_agg(attempts::text, ' ' order by event_id) from sluice.event_failures", "1 0");
  client_.run(first_session_to(14));
  client_.wait_until("select count(*) from sluice.event_failures", "3");
  client_.run("select sluice.discard_event('picky', min(event_id)) from sluice.event_failures");
  client_.wait_until("select count(*) from sluice.event_failures", "0");
  client_.run(first_session_to(15));
  client_.wait_until("select string_agg(revision::text, ' ' order by place) from seen where revision between 10 and 19",
                     "10 11 13 14 15");
}

}  // namespace
}  // namespace sluice::test
