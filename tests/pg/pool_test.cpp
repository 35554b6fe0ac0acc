#include "core/pg/pool.h"

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/pg/reconnect.h"
#include "tests/pg/pg_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::pg {
namespace {

class PoolTest : public PgTest {
 protected:
  static Task<void> borrow(Pool& pool, std::string name, std::vector<std::string>& order, Event& done) {
    const Lease lease = co_await pool.acquire(patience());
    order.push_back(std::move(name));
    done.set();
  }

  Pool pool_{loop_, blocking_, {database_.dsn()}, 2};
};

TEST_F(PoolTest, OpensLazilyAndUsesAgain) {
  auto body = [&]() -> Task<void> {
    EXPECT_EQ(pool_.idle() + pool_.lent(), 0U);
    int pid = 0;
    {
      const Lease lease = co_await pool_.acquire(patience());
      pid = lease->server_pid();
      EXPECT_EQ(pool_.lent(), 1U);
    }
    EXPECT_EQ(pool_.idle(), 1U);
    const Lease again = co_await pool_.acquire(patience());
    EXPECT_EQ(again->server_pid(), pid);
  };
  loop_.run(body());
}

TEST_F(PoolTest, IsBoundedAndServesInOrder) {
  auto body = [&]() -> Task<void> {
    std::vector<std::string> order;
    Event done(loop_);
    TaskScope scope(loop_);
    {
      const Lease one = co_await pool_.acquire(patience());
      const Lease two = co_await pool_.acquire(patience());
      for (const char* name : {"a", "b", "c"}) scope.spawn(borrow(pool_, name, order, done));
      (void)co_await loop_.sleep(milliseconds(5));
      EXPECT_TRUE(order.empty());
      EXPECT_EQ(pool_.lent(), 2U);
    }
    co_await scope.join();
    EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(pool_.lent(), 0U);
  };
  loop_.run(body());
}

TEST_F(PoolTest, AWaiterThatIsDestroyedLosesNoSlot) {
  auto body = [&]() -> Task<void> {
    std::vector<std::string> order;
    Event done(loop_);
    TaskScope patient(loop_);
    {
      TaskScope impatient(loop_);
      std::optional<Lease> one = co_await pool_.acquire(patience());
      const Lease two = co_await pool_.acquire(patience());
      impatient.spawn(borrow(pool_, "gone", order, done));
      patient.spawn(borrow(pool_, "stays", order, done));
      one.reset();  // granted to the first waiter, which ends before it runs
    }
    co_await patient.join();
    EXPECT_EQ(order, (std::vector<std::string>{"stays"}));
    EXPECT_EQ(pool_.lent(), 0U);
  };
  loop_.run(body());
}

TEST_F(PoolTest, TheDeadlineEndsAWait) {
  auto body = [&]() -> Task<void> {
    const Lease one = co_await pool_.acquire(patience());
    const Lease two = co_await pool_.acquire(patience());
    bool late = false;
    try {
      (void)co_await pool_.acquire(in(milliseconds(5)));
    } catch (const PgError& error) {
      late = error.kind() == ErrorKind::kLost;
    }
    EXPECT_TRUE(late);
  };
  loop_.run(body());
  EXPECT_EQ(pool_.lent(), 0U);
}

TEST_F(PoolTest, DropsWhatIsBrokenClosedOrInATransaction) {
  auto body = [&]() -> Task<void> {
    {
      const Lease broken = co_await pool_.acquire(patience());
      const Lease open = co_await pool_.acquire(patience());
      (void)co_await open->query("begin");
      try {
        (void)co_await broken->query("select pg_sleep(30)", {}, in(milliseconds(5)));
      } catch (const PgError& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kLost);
      }
    }
    EXPECT_EQ(pool_.idle(), 0U);
    int pid = 0;
    {
      const Lease closed = co_await pool_.acquire(patience());
      pid = closed->server_pid();
    }
    EXPECT_EQ(pool_.idle(), 1U);
    const std::unique_ptr<Connection> admin = co_await Connection::connect(loop_, blocking_, {database_.dsn()});
    (void)co_await admin->query("select pg_terminate_backend($1, 10000)", Params().int4(pid));
    const Lease fresh = co_await pool_.acquire(patience());
    EXPECT_NE(fresh->server_pid(), pid);
    const Result result = co_await fresh->query("select 1");
    EXPECT_EQ(result.rows(), 1);
  };
  loop_.run(body());
}

TEST_F(PoolTest, AFailedConnectFreesItsSlot) {
  Pool unreachable(loop_, blocking_, {test::TestCluster::instance().dsn("no_such_database")}, 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(error_of(unreachable.acquire(patience())).sqlstate(), "3D000");
  EXPECT_EQ(unreachable.lent(), 0U);
}

class Reconnect : public PgTest {
 protected:
  void SetUp() override {
    set_log_sink([this](const LogEvent& event) {
      seen_.emplace_back(event.message);
      logged_.set();
    });
  }
  void TearDown() override { set_log_sink({}); }

  test::TcpProxy proxy_{test::TestCluster::instance().port()};
  Reconnector reconnector_{loop_, blocking_, {database_.dsn_through(proxy_.port())}, "listening"};
  Event logged_{loop_};
  std::vector<std::string> seen_;
};

TEST_F(Reconnect, IsSilentWhenAllIsWell) {
  EXPECT_NE(loop_.run(reconnector_.connect()), nullptr);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Reconnect, TriesUntilItWorksAndLogsTheOutageOnce) {
  proxy_.refuse_connections();
  auto connecting = [](Reconnector& on, std::unique_ptr<Connection>& result) -> Task<void> {
    result = co_await on.connect();
  };
  auto body = [&]() -> Task<void> {
    std::unique_ptr<Connection> connection;
    TaskScope scope(loop_);
    scope.spawn(connecting(reconnector_, connection));
    (void)co_await logged_.wait(patience());
    (void)co_await loop_.sleep(milliseconds(400));  // a few tries more
    proxy_.accept_connections();
    co_await scope.join();
    EXPECT_NE(connection, nullptr);
  };
  loop_.run(body());
  EXPECT_EQ(seen_,
            (std::vector<std::string>{"the database cannot be reached, trying until it can", "the database is back"}));
}

TEST_F(Reconnect, AStopEndsIt) {
  proxy_.drop_traffic();  // the connection is accepted and then silent
  StopSource stop;
  auto connecting = [](Reconnector& on, StopToken token, bool& ended) -> Task<void> {
    const std::unique_ptr<Connection> connection = co_await on.connect(token);
    ended = connection == nullptr;
  };
  auto body = [&]() -> Task<void> {
    bool ended = false;
    TaskScope scope(loop_);
    scope.spawn(connecting(reconnector_, stop.token(), ended));
    (void)co_await loop_.sleep(milliseconds(20));
    stop.request_stop();
    co_await scope.join();
    EXPECT_TRUE(ended);
  };
  loop_.run(body());
}

}  // namespace
}  // namespace sluice::pg
