// What happens when time runs out, somebody goes away, or the network lies.
#include "core/base/errors.h"
#include "tests/pg/pg_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::pg {
namespace {

class Faults : public PgTest {
 protected:
  void terminate(const Connection& victim) {
    EXPECT_EQ(value(*connect(), "select pg_terminate_backend($1, 10000)", Params().int4(victim.server_pid())), "t");
  }
  // Waits until another backend's statement is under way.
  Task<void> until_active(Connection& watcher, int pid) {
    bool active = false;
    while (!active) {
      const Result found = co_await watcher.query("select 1 from pg_stat_activity where pid = $1 and state = 'active'",
                                                  Params().int4(pid), patience());
      active = !found.empty();
    }
  }
  void expect_lost_for_good(Connection& connection) {
    EXPECT_TRUE(connection.broken());
    EXPECT_FALSE(connection.still_open());
    EXPECT_EQ(error_of(connection.query("select 1")).kind(), ErrorKind::kLost);
  }

  test::TcpProxy proxy_{test::TestCluster::instance().port()};
};

TEST_F(Faults, APassedDeadlineBreaksTheConnection) {
  const auto connection = connect();
  const PgError error = error_of(connection->query("select pg_sleep(30)", {}, in(milliseconds(30))));
  EXPECT_EQ(error.kind(), ErrorKind::kLost);
  expect_lost_for_good(*connection);
}

TEST_F(Faults, ADestroyedQueryBreaksTheConnection) {
  const auto connection = connect();
  const auto watcher = connect();
  auto sleeping = [](Connection& on) -> Task<void> { (void)co_await on.query("select pg_sleep(30)"); };
  auto body = [&]() -> Task<void> {
    TaskScope scope(loop_);
    scope.spawn(sleeping(*connection));
    co_await until_active(*watcher, connection->server_pid());
    EXPECT_TRUE(connection->busy());
  };
  loop_.run(body());
  EXPECT_FALSE(connection->busy());
  expect_lost_for_good(*connection);
}

TEST_F(Faults, TwoOperationsAtOnceAreRefusedAndTheFirstGoesOn) {
  const auto connection = connect();
  auto first = [](Connection& on, std::string& result) -> Task<void> {
    const Result slept = co_await on.query("select 'rested' from pg_sleep(0.05)", {}, patience());
    result = slept.one().text(0);
  };
  auto body = [&]() -> Task<void> {
    std::string result;
    TaskScope scope(loop_);
    scope.spawn(first(*connection, result));
    bool refused = false;
    try {
      (void)co_await connection->query("select 1");
    } catch (const PgError&) {
      refused = false;
    } catch (const Error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    co_await scope.join();
    EXPECT_EQ(result, "rested");
  };
  loop_.run(body());
}

TEST_F(Faults, CancelEndsTheStatementAndKeepsTheConnection) {
  const auto connection = connect();
  const auto watcher = connect();
  auto sleeping = [](Connection& on, std::string& sqlstate) -> Task<void> {
    try {
      (void)co_await on.query("select pg_sleep(30)", {}, patience());
    } catch (const PgError& error) {
      sqlstate = error.sqlstate();
    }
  };
  auto body = [&]() -> Task<void> {
    std::string sqlstate;
    TaskScope scope(loop_);
    scope.spawn(sleeping(*connection, sqlstate));
    co_await until_active(*watcher, connection->server_pid());
    co_await connection->cancel();
    co_await scope.join();
    EXPECT_EQ(sqlstate, "57014");
  };
  loop_.run(body());
  EXPECT_EQ(value(*connection, "select 1"), "1");
}

TEST_F(Faults, ATerminatedBackendTellsWhy) {
  const auto connection = connect();
  const auto watcher = connect();
  auto sleeping = [](Connection& on, std::optional<PgError>& failure) -> Task<void> {
    try {
      (void)co_await on.query("select pg_sleep(30)", {}, patience());
    } catch (const PgError& error) {
      failure = error;
    }
  };
  auto body = [&]() -> Task<void> {
    std::optional<PgError> failure;
    TaskScope scope(loop_);
    scope.spawn(sleeping(*connection, failure));
    co_await until_active(*watcher, connection->server_pid());
    (void)co_await watcher->query("select pg_terminate_backend($1)", Params().int4(connection->server_pid()));
    co_await scope.join();
    EXPECT_EQ(failure->kind(), ErrorKind::kLost);
    EXPECT_EQ(failure->sqlstate(), "57P01");
  };
  loop_.run(body());
  expect_lost_for_good(*connection);
}

TEST_F(Faults, AnIdleConnectionThatWasTerminatedIsNoticed) {
  const auto connection = connect();
  EXPECT_TRUE(connection->still_open());
  terminate(*connection);
  EXPECT_FALSE(connection->still_open());
  EXPECT_TRUE(connection->broken());

  const auto other = connect();
  terminate(*other);
  EXPECT_EQ(error_of(other->query("select 1")).kind(), ErrorKind::kLost);

  const auto waiting = connect();
  terminate(*waiting);
  EXPECT_EQ(error_of(waiting->wait_notification(patience())).kind(), ErrorKind::kLost);
}

TEST_F(Faults, AHalfOpenConnectionIsFoundByThePing) {
  const auto connection = connect(database_.dsn_through(proxy_.port()));
  loop_.run(connection->ping(patience()));
  proxy_.drop_traffic();
  EXPECT_TRUE(connection->still_open()) << "nothing tells without asking";
  const PgError error = error_of(connection->ping(in(milliseconds(50))));
  EXPECT_EQ(error.kind(), ErrorKind::kLost);
  EXPECT_GT(proxy_.bytes_dropped(), 0U);
  expect_lost_for_good(*connection);
}

TEST_F(Faults, ACutConnectionIsLostAtOnce) {
  const auto connection = connect(database_.dsn_through(proxy_.port()));
  proxy_.cut_connections();
  EXPECT_EQ(error_of(connection->wait_notification(patience())).kind(), ErrorKind::kLost);
  expect_lost_for_good(*connection);
}

TEST_F(Faults, BlockedAndDelayedTrafficArrivesInTheEnd) {
  const auto connection = connect(database_.dsn_through(proxy_.port()));
  proxy_.delay_traffic(milliseconds(20));
  const auto began = Clock::now();
  EXPECT_EQ(value(*connection, "select 1"), "1");
  EXPECT_GE(Clock::now() - began, milliseconds(40));

  proxy_.block_traffic();
  auto asking = [](Connection& on, std::string& answer) -> Task<void> {
    const Result result = co_await on.query("select 2", {}, patience());
    answer = result.one().text(0);
  };
  auto body = [&]() -> Task<void> {
    std::string answer;
    TaskScope scope(loop_);
    scope.spawn(asking(*connection, answer));
    (void)co_await loop_.sleep(milliseconds(30));
    EXPECT_EQ(answer, "");
    proxy_.pass_traffic();
    co_await scope.join();
    EXPECT_EQ(answer, "2");
  };
  loop_.run(body());
}

}  // namespace
}  // namespace sluice::pg
