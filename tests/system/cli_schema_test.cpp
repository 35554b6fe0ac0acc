// sluice migrate and check-config against empty, half-way and foreign databases.
#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;

class CliSchema : public CliTest {
 protected:
  std::string empty_dsn() const { return empty_.dsn(); }
  Outcome on_empty(std::vector<std::string> words) const {
    words.insert(words.end(), {"--dsn", empty_dsn()});
    return run_sluice(words);
  }
  TestDatabase empty_{TestDatabase::From::kNothing};
};

TEST_F(CliSchema, CheckSaysWhatIsMissingAndChangesNothing) {
  const Outcome before = on_empty({"migrate", "--check"});
  EXPECT_EQ(before.code, 1);
  EXPECT_THAT(before.out, HasSubstr("to apply  0001_roles.sql"));
  EXPECT_THAT(before.err, HasSubstr("HINT: run: sluice migrate"));
  EXPECT_EQ(on_empty({"migrate", "--check"}).out, before.out);
}

TEST_F(CliSchema, MigratesToANumberThenToTheEnd) {
  const Outcome part = on_empty({"migrate", "--to", "2", "--json"});
  ASSERT_EQ(part.code, 0) << part.err;
  EXPECT_EQ(find(part.json(), "version")->GetInt(), 2);
  EXPECT_EQ(find(part.json(), "migrations")->Size(), 2U);
  EXPECT_EQ(on_empty({"migrate", "--check"}).code, 1);
  const Outcome rest = on_empty({"migrate"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_THAT(rest.out, testing::Not(HasSubstr("0001_roles.sql")));
  EXPECT_EQ(on_empty({"migrate", "--check"}).code, 0);
  EXPECT_EQ(on_empty({"migrate", "--to", "9999"}).code, 2);
}

TEST_F(CliSchema, PrintNeedsNoDatabase) {
  const Outcome outcome = run_sluice({"migrate", "--print", "--dsn", "postgresql://nobody@127.0.0.1:1/none"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("CREATE TABLE sluice.conversation_sessions"));
}

TEST_F(CliSchema, CheckConfigConnectComparesTheSchema) {
  const Outcome migrated = good({"check-config", "--connect"});
  EXPECT_THAT(migrated.out, HasSubstr("connected as postgres"));
  EXPECT_THAT(migrated.out, HasSubstr("up to date"));
  EXPECT_EQ(on_empty({"check-config", "--connect"}).code, 1);
}

TEST_F(CliSchema, CommandsOnAnEmptyDatabaseAdviseToMigrate) {
  const Outcome outcome = on_empty({"status"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("sluice migrate"));
}

TEST_F(CliSchema, ARoleWithoutRightsIs77) {
  const std::string dsn = TestCluster::instance().dsn_as("sluice_reader_login", database_.name());
  run_sql(
      "do $$ begin if not exists (select from pg_roles where rolname = 'sluice_reader_login') then create role "
      "sluice_reader_login login; "
      "grant sluice_reader to sluice_reader_login; end if; end $$");
  const Outcome outcome = run_sluice({"flow", "import", "-", "--dsn", dsn}, kGreeter);
  EXPECT_EQ(outcome.code, 77) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("permission denied"));
  EXPECT_EQ(value("select count(*) from sluice.flow_definitions"), "0");
  EXPECT_EQ(run_sluice({"session", "list", "--dsn", dsn}).code, 0);
}

}  // namespace
}  // namespace sluice::test
