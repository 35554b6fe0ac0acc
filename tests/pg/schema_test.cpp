#include "core/service/schema.h"

#include "tests/pg/pg_fixture.h"

namespace sluice::schema {
namespace {

using pg::PgError;

constexpr Migration kFirst{1, "0001_first.sql", "create table sluice.a (n int);\ninsert into sluice.a values (1);\n",
                           false};
constexpr Migration kSecond{2, "0002_second.sql", "insert into sluice.a values (2);", false};
constexpr Migration kBreaking{3, "0003_breaking.sql", "--! breaking\ninsert into sluice.a values (3);", true};
constexpr Content::ApiFile kFunction{"f.sql",
                                     "create or replace function sluice.f() returns int language sql as 'select 1';"};
constexpr Content::ApiFile kFunctionChanged{
    "f.sql", "create or replace function sluice.f() returns int language sql as 'select 2';"};
constexpr Content::ApiFile kView{"g.sql",
                                 "create or replace view sluice.g as select sluice.f() as f, count(*) from sluice.a;"};

using Names = std::vector<std::string>;

class Schema : public pg::PgTest {
 protected:
  MigrateReport apply(const Content& content, int to = 0) { return loop_.run(migrate(*connection_, content, {to})); }
  CheckReport look(const Content& content) { return loop_.run(check(*connection_, content)); }
  std::string rows() { return value(*connection_, "select string_agg(n::text, ',' order by n) from sluice.a"); }
  template <typename T>
  std::string refusal(Task<T> task) {
    try {
      if constexpr (std::is_void_v<T>)
        loop_.run(std::move(task));
      else
        (void)loop_.run(std::move(task));
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }

  std::unique_ptr<pg::Connection> connection_ = connect();
};

TEST_F(Schema, AppliesWhatIsMissingOnce) {
  const Content content{{kFirst, kSecond}, {kFunction, kView}};
  EXPECT_EQ(look(content).state, State::kBehind);
  EXPECT_EQ(look(content).pending, (Names{"0001_first.sql", "0002_second.sql", "f.sql", "g.sql"}));
  const MigrateReport report = apply(content);
  EXPECT_EQ(report.migrations, (Names{"0001_first.sql", "0002_second.sql"}));
  EXPECT_EQ(report.api, (Names{"f.sql", "g.sql"}));
  EXPECT_EQ(report.version, 2);
  EXPECT_EQ(rows(), "1,2");
  EXPECT_EQ(value(*connection_, "select f || '/' || count from sluice.g"), "1/2");
  EXPECT_EQ(look(content).state, State::kUpToDate);
  const MigrateReport again = apply(content);
  EXPECT_TRUE(again.migrations.empty() && again.api.empty());
  EXPECT_EQ(again.version, 2);
}

TEST_F(Schema, StopsAtTheVersionAskedForAndLeavesTheApi) {
  const Content content{{kFirst, kSecond, kBreaking}, {kFunction}};
  const MigrateReport report = apply(content, 2);
  EXPECT_EQ(report.version, 2);
  EXPECT_TRUE(report.api.empty());
  EXPECT_EQ(look(content).pending, (Names{"0003_breaking.sql", "f.sql"}));
  EXPECT_EQ(refusal(migrate(*connection_, content, {9})), "there is no migration 9");
}

TEST_F(Schema, AChangedApiFileIsAppliedAgainAlone) {
  (void)apply({{kFirst}, {kFunction, kView}});
  const Content changed{{kFirst}, {kFunctionChanged, kView}};
  EXPECT_EQ(look(changed).pending, (Names{"f.sql"}));
  EXPECT_EQ(apply(changed).api, (Names{"f.sql"}));
  EXPECT_EQ(value(*connection_, "select f from sluice.g"), "2");
  EXPECT_EQ(apply({{kFirst, kSecond}, {kFunctionChanged, kView}}).api, (Names{"f.sql", "g.sql"}))
      << "a migration renews all";
}

TEST_F(Schema, AnEditedMigrationIsNamed) {
  (void)apply({{kFirst}, {}});
  Migration edited = kFirst;
  edited.text = "create table sluice.a (n bigint);";
  EXPECT_EQ(refusal(migrate(*connection_, {{edited}, {}})),
            "migration 0001_first.sql has changed since it was applied to this database (as 0001_first.sql)");
  EXPECT_NE(refusal(check(*connection_, {{edited}, {}})), "none");
  EXPECT_EQ(value(*connection_, "select 1"), "1");
}

TEST_F(Schema, AFailingMigrationLeavesThoseBeforeItAndNothingOfItself) {
  const Migration failing{2, "0002_bad.sql",
                          "-- ключ\ninsert into sluice.a values (2);\ninsert into sluice.no_such values (1);\n", false};
  const PgError error = error_of(migrate(*connection_, {{kFirst, failing, kBreaking}, {kFunction}}));
  EXPECT_EQ(error.message(), "0002_bad.sql:3: relation \"sluice.no_such\" does not exist");
  EXPECT_EQ(error.sqlstate(), "42P01");
  EXPECT_EQ(rows(), "1");
  EXPECT_EQ(look({{kFirst, failing}, {}}).version, 1);
  EXPECT_EQ(apply({{kFirst, kSecond, kBreaking}, {}}).version, 3) << "the lock is free and the mended file goes in";
}

TEST_F(Schema, AFileMustNotEndItsTransaction) {
  const Migration committing{1, "0001_commit.sql", "create schema x; commit;", false};
  EXPECT_EQ(refusal(migrate(*connection_, {{committing}, {}})),
            "0001_commit.sql ends the transaction that it is run in");
}

TEST_F(Schema, TwoRunnersAtOnceApplyEachMigrationOnce) {
  const Content content{
      {{1, "0001_slow.sql", "create table sluice.a (n int); select pg_sleep(0.1); insert into sluice.a values (1);",
        false},
       kSecond},
      {kFunction}};
  const auto other = connect();
  auto one = [](pg::Connection& on, const Content& what, std::size_t& applied) -> Task<void> {
    const MigrateReport report = co_await migrate(on, what);
    applied += report.migrations.size();
  };
  auto body = [&]() -> Task<void> {
    std::size_t applied = 0;
    TaskScope scope(loop_);
    scope.spawn(one(*connection_, content, applied));
    scope.spawn(one(*other, content, applied));
    co_await scope.join();
    EXPECT_EQ(applied, 2U);
  };
  loop_.run(body());
  EXPECT_EQ(rows(), "1,2");
}

TEST_F(Schema, ANewerDatabaseIsTold) {
  const Content old{{kFirst}, {kFunction}};
  (void)apply({{kFirst, kSecond}, {kFunctionChanged}});
  EXPECT_EQ(look(old).state, State::kAhead);
  EXPECT_EQ(look(old).unknown, (Names{"0002_second.sql"}));
  loop_.run(require_up_to_date(*connection_, old));
  EXPECT_EQ(refusal(migrate(*connection_, old)),
            "the database has what this sluice " SLUICE_VERSION " does not know: 0002_second.sql");
  EXPECT_EQ(value(*connection_, "select sluice.f()"), "2") << "the newer function stays";

  (void)apply({{kFirst, kSecond, kBreaking}, {kFunctionChanged}});
  EXPECT_EQ(look(old).state, State::kAheadBreaking);
  EXPECT_EQ(refusal(require_up_to_date(*connection_, old)),
            "the database has breaking migrations that this binary does not know: 0002_second.sql, 0003_breaking.sql");
}

// A release may change functions alone. Whoever starts an older daemon again must not be told to put its functions
// back.
TEST_F(Schema, FunctionsOfANewerReleaseStay) {
  const Content newer{{kFirst}, {kFunctionChanged}, "0.10.0"};
  const Content older{{kFirst}, {kFunction}, "0.9.1"};
  (void)apply(older);
  EXPECT_EQ(apply(newer).api, Names{"f.sql"});
  EXPECT_EQ(look(older).state, State::kAhead);
  loop_.run(require_up_to_date(*connection_, older));
  EXPECT_EQ(refusal(migrate(*connection_, older)),
            "the database has what this sluice 0.9.1 does not know: the functions of 0.10.0");
  EXPECT_EQ(value(*connection_, "select sluice.f()"), "2");
  EXPECT_EQ(look(newer).state, State::kUpToDate);
}

TEST_F(Schema, ABreakingMigrationWaitsForNoDaemonToBeAtWork) {
  constexpr Migration kProcesses{
      2, "0002_processes.sql",
      "create table sluice_private.processes (kind text, host text, pid int, heartbeat_at timestamptz);"
      "insert into sluice_private.processes values ('worker', 'here', 7, clock_timestamp() + interval '1 hour'),"
      " ('worker', 'gone', 8, clock_timestamp() - interval '5 seconds');",
      false};
  const Content content{{kFirst, kProcesses, kBreaking}, {}};
  EXPECT_EQ(refusal(migrate(*connection_, content)),
            "migration 0003_breaking.sql is breaking, and daemons are at work: worker 7 on here");
  EXPECT_EQ(look(content).version, 2);
  (void)query(*connection_, "delete from sluice_private.processes where pid = 7");
  EXPECT_EQ(apply(content).version, 3);
}

TEST_F(Schema, NobodyRegistersWhileABreakingMigrationRuns) {
  constexpr Migration kProcesses{
      2, "0002_processes.sql",
      "create table sluice_private.processes (kind text, host text, pid int, heartbeat_at timestamptz)", false};
  constexpr Migration kLooks{
      3, "0003_looks.sql",
      "create table sluice.held as select mode from pg_locks"
      " where relation = 'sluice_private.processes'::regclass and pid = pg_backend_pid() and mode = 'ShareLock'",
      true};
  (void)apply({{kFirst, kProcesses, kLooks}, {}});
  EXPECT_EQ(value(*connection_, "select count(*) from sluice.held"), "1");
}

// Databases of before the column.
TEST_F(Schema, TheColumnOfReleasesIsAddedToADatabaseWithoutIt) {
  const Content content{{kFirst}, {kFunction}};
  (void)apply(content);
  (void)query(*connection_, "alter table sluice_private.api_files drop column release");
  EXPECT_EQ(look(content).state, State::kUpToDate) << "a daemon that is started before the migration runs";
  EXPECT_EQ(apply({{kFirst}, {kFunctionChanged}}).api, Names{"f.sql"});
  EXPECT_EQ(value(*connection_, "select release from sluice_private.api_files"), SLUICE_VERSION);
}

TEST_F(Schema, ADaemonIsRefusedWithAdviceWhenTheDatabaseIsBehind) {
  (void)apply({{kFirst}, {}});
  EXPECT_EQ(refusal(require_up_to_date(*connection_, {{kFirst, kSecond}, {}})), "the database lacks 0002_second.sql");
}

TEST_F(Schema, TheBinarysOwnContentMigratesAnEmptyDatabase) {
  (void)apply(embedded());
  EXPECT_EQ(look(embedded()).state, State::kUpToDate);
  EXPECT_TRUE(apply(embedded()).migrations.empty());
}

TEST_F(Schema, WhatIsPrintedDoesTheSame) {
  loop_.run(connection_->execute_script(print(embedded())));
  EXPECT_EQ(look(embedded()).state, State::kUpToDate);
}

}  // namespace
}  // namespace sluice::schema
