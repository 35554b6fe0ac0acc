// A handler may run for as long as it likes, so its statement has no deadline. That its answer was lost with the
// connection is found out all the same.
#include "core/pg/pool.h"
#include "listener/event_stream.h"
#include "tests/fault/fault_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::test {
namespace {

class ListenerLostAnswer : public FaultTest {
 protected:
  // One handler waits for lock 1, the other for lock 2. A sequence counts the calls, those that are rolled back too.
  void register_handlers() {
    client_.run(
        "create table seen (consumer text, id bigint);"
        "create sequence calls_lost; create sequence calls_slow;"
        "create function handle_lost(events jsonb) returns void language sql as $$"
        "  select nextval('public.calls_lost'), pg_advisory_xact_lock(1);"
        "  insert into public.seen select 'lost', (e ->> 'id')::bigint from jsonb_array_elements(events) as e $$;"
        "create function handle_slow(events jsonb) returns void language sql as $$"
        "  select nextval('public.calls_slow'), pg_advisory_xact_lock(2);"
        "  insert into public.seen select 'slow', (e ->> 'id')::bigint from jsonb_array_elements(events) as e $$;"
        "select sluice.on_event('lost', '{test.*}', 'handle_lost(jsonb)'),"
        "       sluice.on_event('slow', '{test.*}', 'handle_slow(jsonb)')");
  }

  Task<void> until(pg::Connection& connection, std::string_view sql, std::string_view expected) {
    const Deadline patience = Clock::now() + std::chrono::seconds(40);
    std::string seen;
    while (seen != expected && Clock::now() < patience) {
      (void)co_await loop_.sleep(std::chrono::milliseconds(20));
      const pg::Result result = co_await connection.query(sql, {}, patience);
      seen = result.one().get<std::string>(0);
    }
    EXPECT_EQ(seen, expected) << sql;
  }

  Loop loop_;
  BlockingPool blocking_{loop_, 2};
};

// The listener's own connection is sound; those of its handlers go through a network that loses what they are told.
TEST_F(ListenerLostAnswer, IsFoundByAskingTheServerWhichGoesOnWithASlowHandler) {
  register_handlers();
  TcpProxy proxy(TestCluster::instance().port());
  const pg::ConnectOptions direct{.dsn = database_.dsn(), .application_name = "sluice listener"};
  const pg::ConnectOptions far{.dsn = database_.dsn_through(proxy.port()), .application_name = "sluice listener"};
  Metrics registry;
  listener::ListenerMetrics metrics(registry);
  pg::Pool pool(loop_, blocking_, far, 4);
  listener::EventStream stream(loop_, pg::Reconnector(loop_, blocking_, direct, "events"), pool, {}, 100, metrics);
  Doorbell doorbell(loop_, blocking_, direct, "events", Wake{.by_notification = true, .poll_interval = {}}, registry);

  auto body = [&]() -> Task<void> {
    TaskScope scope(loop_);
    const auto test = co_await pg::Connection::connect(loop_, blocking_, direct);
    (void)co_await test->query("select pg_advisory_lock(1), pg_advisory_lock(2)");
    (void)co_await test->query("select sluice.emit('test.one')");
    scope.spawn(stream.run(doorbell, scope.stop_token(), [] {}));
    co_await until(*test,
                   "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = "
                   "(select oid from pg_database where datname = current_database())",
                   "2");
    proxy.drop_traffic();
    (void)co_await test->query("select pg_advisory_unlock(1)");
    co_await until(*test, "select count(*) from seen where consumer = 'lost'", "1");
    proxy.pass_traffic();  // its answer is lost, and no other will come

    (void)co_await test->query("select sluice.emit('test.two')");
    co_await until(*test, "select count(*) from seen where consumer = 'lost'", "2");
    (void)co_await test->query("select pg_advisory_unlock(2)");
    co_await until(*test, "select count(*) from seen where consumer = 'slow'", "2");
    co_await until(*test,
                   "select string_agg(consumer || ' ' || n, ', ' order by consumer) from "
                   "(select consumer, count(distinct id) as n from seen group by consumer) as c",
                   "lost 2, slow 2");
    scope.request_stop();
    co_await scope.join();
  };
  loop_.run(body());
  EXPECT_EQ(client_.value("select last_value from calls_lost"), "2") << "what had committed was not done again";
  EXPECT_EQ(client_.value("select last_value from calls_slow"), "2") << "who is at work was not disturbed";
}

}  // namespace
}  // namespace sluice::test
