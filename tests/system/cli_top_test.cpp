// One look of sluice top. What it is on a terminal is tried by tests/terminal/top.
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;

class CliTop : public CliTest {
 protected:
  // A lane that is late, a step that waits, an open breaker; no daemon runs.
  void make_trouble() const {
    publish_greeter();
    run_sql(
        "select sluice.subscribe('https://late.example.org/hooks', '{order.paid}');"
        "select sluice.start_session('greeter');"
        "insert into sluice.webhook_deliveries (message_no, message_at, due_at, endpoint_id) select 1, now(), now() - "
        "interval '90 seconds', id from sluice.webhook_endpoints;"
        "insert into sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, "
        "duration_ms, attempt, status, outcome) select n, n, clock_timestamp() - interval '2 s', now(), e.id, n, 1, "
        "200, 'delivered' "
        "from sluice.webhook_endpoints e, generate_series(1, 100) as n;"
        "insert into sluice.circuit_breakers (key, state, opened_at, open_until) values ('books.example.org', 'open', "
        "now(), "
        "now() + interval '1 hour')");
  }
};

TEST_F(CliTop, OneDocumentHasEverythingThatTheViewShows) {
  make_trouble();
  const Json top = good({"top", "--json"}).json();
  EXPECT_EQ(top["queues"][0]["name"], "default");
  EXPECT_EQ(top["queues"][0]["due"].GetInt(), 1);
  EXPECT_GT(top["queues"][0]["oldest_seconds"].GetDouble(), 0);
  EXPECT_EQ(top["flows"][0]["flow"], "greeter");
  EXPECT_EQ(top["flows"][0]["at"], "hello");
  EXPECT_EQ(top["flows"][0]["steps"].GetInt(), 1);
  EXPECT_EQ(top["lanes"][0]["url"], "https://late.example.org/hooks");
  EXPECT_EQ(top["lanes"][0]["waiting"].GetInt(), 1);
  EXPECT_GE(top["lanes"][0]["late_seconds"].GetDouble(), 90);
  EXPECT_EQ(top["breakers"][0]["key"], "books.example.org");
  EXPECT_EQ(top["delivery_ms"]["request_p50"].GetInt(), 50);
  EXPECT_EQ(top["delivery_ms"]["request_p99"].GetInt(), 99);
  EXPECT_GE(top["delivery_ms"]["total_p50"].GetInt(), 2000);
  for (const char* rate : {"sessions", "steps", "tasks", "events", "deliveries", "attempts"}) {
    EXPECT_TRUE(top["rates"][rate].IsNumber()) << rate;
  }
  bool relay_is_there = false;
  for (const Json& consumer : top["consumers"].GetArray()) relay_is_there |= consumer["name"] == "relay";
  EXPECT_TRUE(relay_is_there);
}

TEST_F(CliTop, OnceIsTheViewAsText) {
  make_trouble();
  const std::string text = good({"top", "--once"}).out;
  EXPECT_THAT(text, HasSubstr("0 listener, 0 worker, 0 notifier"));
  EXPECT_THAT(text, HasSubstr("request p50 50 p99 99"));
  EXPECT_THAT(text, HasSubstr("https://late.example.org/hooks"));
  EXPECT_THAT(text, HasSubstr("books.example.org"));
}

TEST_F(CliTop, AReaderMayWatch) {
  EXPECT_EQ(run_sluice({"top", "--json", "--dsn", database_.dsn() + "?options=-c%20role%3Dsluice_reader"}).code, 0);
}

TEST_F(CliTop, WithoutATerminalItSaysWhatToDo) {
  const Outcome refused = sluice({"top"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("top needs a terminal"));
  EXPECT_THAT(refused.err, HasSubstr("--once"));
}

}  // namespace
}  // namespace sluice::test
