#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "tests/pg/pg_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::pg {
namespace {

class Connect : public PgTest {
 protected:
  PgError failure(const std::string& dsn, milliseconds patience_for = seconds(20)) {
    return error_of(Connection::connect(loop_, blocking_, {dsn}, in(patience_for)));
  }
};

TEST_F(Connect, OverTcpAndOverTheSocket) {
  EXPECT_EQ(value(*connect(), "select host(inet_server_addr())"), "127.0.0.1");
  EXPECT_EQ(value(*connect(test::TestCluster::instance().socket_dsn(database_.name())), "select inet_server_addr()"),
            "null");
}

TEST_F(Connect, ADatabaseThatIsClosedForAWhileIsAwayAndNotRefusedForGood) {
  const auto admin = connect(test::TestCluster::instance().dsn("postgres"));
  query(*admin, "alter database \"" + database_.name() + "\" allow_connections false");
  const PgError closed = failure(database_.dsn());
  EXPECT_EQ(closed.kind(), ErrorKind::kLost);
  EXPECT_THAT(std::string(closed.message()), testing::HasSubstr("is not currently accepting connections"));
  EXPECT_THAT(closed.hint(), testing::HasSubstr("ALLOW_CONNECTIONS true"));
}

TEST_F(Connect, NamesItselfUnlessTheDsnDoes) {
  EXPECT_EQ(value(*connect(), "show application_name"), "sluice");
  EXPECT_EQ(value(*connect(database_.dsn() + "?application_name=mine"), "show application_name"), "mine");
}

TEST_F(Connect, TheServersSideHasKeepalivesAndLooksForItsClient) {
  const auto connection = connect();
  EXPECT_EQ(value(*connection, "show tcp_keepalives_idle"), "10");
  EXPECT_EQ(value(*connection, "show tcp_user_timeout"), "15000");
  EXPECT_EQ(value(*connection, "show client_connection_check_interval"), "5s");
}

TEST_F(Connect, ReadsTimesWhateverTheRoleIsSetTo) {
  const auto connection = connect(database_.dsn() + "?options=-c%20datestyle%3DGerman%20-c%20timezone%3DAsia/Kolkata");
  EXPECT_EQ(to_rfc3339(query(*connection, "select timestamptz '2026-01-02 03:04:05.678901Z'").one().get<Timestamp>(0)),
            "2026-01-02T03:04:05.678901Z");
}

TEST_F(Connect, TakesTheSecondHostWhenTheFirstRefuses) {
  test::TcpProxy closed(1);
  closed.refuse_connections();
  const int port = test::TestCluster::instance().port();
  const auto connection =
      connect(fmt::format("postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/{}", closed.port(), port, database_.name()));
  EXPECT_EQ(value(*connection, "select 1"), "1");
}

// As after a failover: the old primary's machine is gone and says nothing.
TEST_F(Connect, TakesTheLastHostWhenThoseBeforeItDoNotAnswer) {
  test::TcpProxy first(test::TestCluster::instance().port());
  test::TcpProxy second(test::TestCluster::instance().port());
  first.drop_traffic();
  second.drop_traffic();
  const int port = test::TestCluster::instance().port();
  for (const std::string& hosts :
       {fmt::format("127.0.0.1:{},127.0.0.1:{},127.0.0.1:{}", first.port(), second.port(), port),
        fmt::format("127.0.0.1:1,127.0.0.1:{},localhost:{}", first.port(), port)}) {
    const auto connection =
        connect(fmt::format("postgresql://postgres@{}/{}?target_session_attrs=read-write", hosts, database_.name()));
    EXPECT_EQ(value(*connection, "select 1"), "1");
  }
}

TEST_F(Connect, UnderstandsServiceFiles) {
  const std::string path = testing::TempDir() + "/" + database_.name() + ".conf";
  std::ofstream(path) << "[mine]\nhost=127.0.0.1\nport=" << test::TestCluster::instance().port()
                      << "\nuser=postgres\ndbname=" << database_.name() << "\n";
  // libpq of Debian 12 takes the file's name from nowhere else; nobody else reads the environment meanwhile.
  setenv("PGSERVICEFILE", path.c_str(), 1);
  EXPECT_EQ(value(*connect("service=mine"), "select current_database()"), database_.name());
  unsetenv("PGSERVICEFILE");
}

TEST_F(Connect, AnUnreachableServerIsLostWithExitCode69) {
  test::TcpProxy closed(1);
  closed.refuse_connections();
  const PgError error = failure(database_.dsn_through(closed.port()));
  EXPECT_EQ(error.kind(), ErrorKind::kLost);
  EXPECT_EQ(error.exit_code(), ExitCode::kUnavailable);
  EXPECT_NE(error.message().find("Connection refused"), std::string_view::npos) << error.message();
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(Connect, AServerThatNeverAnswersEndsWithTheDeadline) {
  test::TcpProxy proxy(test::TestCluster::instance().port());
  proxy.drop_traffic();
  const PgError error = failure(database_.dsn_through(proxy.port()), milliseconds(50));
  EXPECT_EQ(error.kind(), ErrorKind::kLost);
  EXPECT_EQ(error.message(), "cannot connect to the database: it did not answer in time");
}

TEST_F(Connect, ARefusedRoleIsNotPermitted) {
  const PgError error = failure(test::TestCluster::instance().dsn_as("nobody_here", database_.name()));
  EXPECT_EQ(error.sqlstate(), "28000");
  EXPECT_EQ(error.kind(), ErrorKind::kPermanent);
  EXPECT_EQ(error.exit_code(), ExitCode::kNotPermitted);
  EXPECT_NE(error.message().find("FATAL:  role \"nobody_here\" does not exist"), std::string_view::npos)
      << error.message();
  EXPECT_EQ(error.message().find("LOCATION"), std::string_view::npos) << error.message();
}

TEST_F(Connect, AnUnknownDatabaseIsUnavailable) {
  const PgError error = failure(test::TestCluster::instance().dsn("no_such_database"));
  EXPECT_EQ(error.sqlstate(), "3D000");
  EXPECT_EQ(error.exit_code(), ExitCode::kUnavailable);
}

TEST_F(Connect, AnUnreadableDsnIsAConfigErrorThatKeepsThePassword) {
  for (const char* dsn :
       {"postgresql://u:hunter2@[::1/db", "postgresql://u:hunter2@h:5432/db?what=hunter2", "host='hunter2"}) {
    try {
      (void)loop_.run(Connection::connect(loop_, blocking_, {dsn}));
      ADD_FAILURE() << dsn;
    } catch (const ConfigError& error) {
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
      EXPECT_EQ(error.exit_code(), ExitCode::kBadConfig);
    }
  }
}

TEST_F(Connect, MayBeDestroyedHalfWay) {
  test::TcpProxy proxy(test::TestCluster::instance().port());
  proxy.drop_traffic();
  auto body = [&]() -> Task<void> {
    auto connecting = [](Loop& loop, BlockingPool& pool, std::string dsn) -> Task<void> {
      (void)co_await Connection::connect(loop, pool, {std::move(dsn)});
    };
    TaskScope scope(loop_);
    scope.spawn(connecting(loop_, blocking_, database_.dsn_through(proxy.port())));
    (void)co_await loop_.sleep(milliseconds(20));
    EXPECT_EQ(scope.running(), 1U);
  };
  loop_.run(body());
  EXPECT_EQ(value(*connect(), "select 1"), "1");
}

}  // namespace
}  // namespace sluice::pg
