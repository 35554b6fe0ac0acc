// Queries, prepared statements, pipelines, scripts and transactions.
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/pg/transaction.h"
#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

constexpr Statement kDouble{"double", "select $1 * 2 as n"};
constexpr Statement kAdd{"add", "insert into t values ($1)"};

class Statements : public PgTest {
 protected:
  std::vector<Result> run(Pipeline pipeline) { return loop_.run(connection_->run(std::move(pipeline), patience())); }
  PgError run_failing(Pipeline pipeline) { return error_of(connection_->run(std::move(pipeline), patience())); }
  std::string prepared_count() { return value(*connection_, "select count(*) from pg_prepared_statements"); }
  std::string rows() { return value(*connection_, "select string_agg(n::text, ',' order by n) from t"); }
  void make_table() { (void)query(*connection_, "create table t (n int primary key)"); }

  std::unique_ptr<Connection> connection_ = connect();
};

TEST_F(Statements, AnErrorSaysWhatTheServerSaysAndLeavesTheConnectionUsable) {
  make_table();
  (void)query(*connection_, "insert into t values (1)");
  const PgError duplicate = error_of(connection_->query("insert into t values (1)"));
  EXPECT_EQ(duplicate.sqlstate(), "23505");
  EXPECT_EQ(duplicate.kind(), ErrorKind::kPermanent);
  EXPECT_EQ(duplicate.fields().constraint, "t_pkey");
  EXPECT_EQ(duplicate.fields().detail, "Key (n)=(1) already exists.");
  const PgError raised = error_of(connection_->query(
      "do $$ begin raise exception using errcode = 'SL001', message = 'no flow named x', hint = 'import it'; end $$"));
  EXPECT_EQ(raised.sqlstate(), "SL001");
  EXPECT_EQ(raised.message(), "no flow named x");
  EXPECT_EQ(raised.hint(), "import it");
  EXPECT_EQ(raised.exit_code(), ExitCode::kFailed);
  const PgError syntax = error_of(connection_->query("select 1 +"));
  EXPECT_EQ(syntax.fields().position, 11);
  EXPECT_EQ(value(*connection_, "select 1"), "1");
}

TEST_F(Statements, KindsFollowTheSqlstate) {
  EXPECT_EQ(kind_of_sqlstate("40001"), ErrorKind::kTransient);
  EXPECT_EQ(kind_of_sqlstate("57014"), ErrorKind::kTransient);
  EXPECT_EQ(kind_of_sqlstate("53100"), ErrorKind::kTransient);
  EXPECT_EQ(kind_of_sqlstate("57P01"), ErrorKind::kLost);
  EXPECT_EQ(kind_of_sqlstate(""), ErrorKind::kLost);
  EXPECT_EQ(kind_of_sqlstate("42P01"), ErrorKind::kPermanent);
}

TEST_F(Statements, ADeniedTableIsNotPermitted) {
  (void)query(*connection_, "create role denied_" + database_.name());
  make_table();
  (void)query(*connection_, "set role denied_" + database_.name());
  const PgError error = error_of(connection_->query("select * from t"));
  EXPECT_EQ(error.sqlstate(), "42501");
  EXPECT_EQ(error.exit_code(), ExitCode::kNotPermitted);
  (void)query(*connection_, "reset role");
  (void)query(*connection_, "drop role denied_" + database_.name());
}

TEST_F(Statements, APreparedStatementIsPreparedOnce) {
  for (int i = 0; i < 3; ++i) {
    const Result result = loop_.run(connection_->query(kDouble, Params().int4(i), patience()));
    EXPECT_EQ(result.one().get<std::int32_t>("n"), 2 * i);
  }
  EXPECT_EQ(prepared_count(), "1");
}

TEST_F(Statements, OtherTypesThanPreparedAreAMistakeThatCostsNothing) {
  (void)loop_.run(connection_->query(kDouble, Params().int4(1)));
  EXPECT_THROW((void)loop_.run(connection_->query(kDouble, Params().int8(1))), Error);
  EXPECT_FALSE(connection_->broken());
  EXPECT_EQ(value(*connection_, "select 1"), "1");
}

TEST_F(Statements, AFailedPreparationIsTriedAgain) {
  const PgError error = error_of(connection_->query(kAdd, Params().int4(1)));
  EXPECT_EQ(error.sqlstate(), "42P01");
  EXPECT_EQ(error.fields().statement, "add");
  make_table();
  EXPECT_EQ(loop_.run(connection_->query(kAdd, Params().int4(1))).affected(), 1);
}

TEST_F(Statements, AForgottenStatementIsPreparedAnew) {
  (void)loop_.run(connection_->query(kDouble, Params().int4(1)));
  (void)query(*connection_, "deallocate all");
  const PgError error = error_of(connection_->query(kDouble, Params().int4(1)));
  EXPECT_EQ(error.sqlstate(), "26000");
  EXPECT_EQ(error.kind(), ErrorKind::kTransient);
  EXPECT_EQ(loop_.run(connection_->query(kDouble, Params().int4(4))).one().text(0), "8");
}

TEST_F(Statements, AResultThatChangedItsShapeIsPreparedAnew) {
  make_table();
  constexpr Statement kAll{"all", "select * from t"};
  (void)loop_.run(connection_->query(kAll));
  (void)query(*connection_, "alter table t add column m int");
  const PgError error = error_of(connection_->query(kAll));
  EXPECT_EQ(error.sqlstate(), "0A000");
  EXPECT_EQ(error.kind(), ErrorKind::kTransient);
  EXPECT_EQ(loop_.run(connection_->query(kAll)).columns(), 2);
}

TEST_F(Statements, APipelineGivesItsResultsInOrder) {
  make_table();
  const std::vector<Result> results = run(std::move(Pipeline()
                                                        .add(kAdd, Params().int4(1))
                                                        .add(kDouble, Params().int4(21))
                                                        .add(kAdd, Params().int4(2))
                                                        .add("select n from t order by n desc")));
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0].affected(), 1);
  EXPECT_EQ(results[1].one().text(0), "42");
  EXPECT_EQ(results[3].rows(), 2);
  EXPECT_EQ(results[3][0].text("n"), "2");
  EXPECT_TRUE(run({}).empty());
}

TEST_F(Statements, APipelineIsOneTransactionAndThrowsItsFirstError) {
  make_table();
  const PgError error = run_failing(std::move(Pipeline()
                                                  .add(kAdd, Params().int4(1))
                                                  .add(kAdd, Params().int4(1))
                                                  .add("select no_such_column")
                                                  .add(kDouble, Params().int4(2))));
  EXPECT_EQ(error.sqlstate(), "23505");
  EXPECT_EQ(error.fields().statement, "add");
  EXPECT_EQ(rows(), "null");
  EXPECT_EQ(prepared_count(), "1") << "double was skipped, so it is not prepared";
  EXPECT_EQ(run(std::move(Pipeline().add(kDouble, Params().int4(2)))).size(), 1U);
}

TEST_F(Statements, AnExplicitTransactionSpansPipelines) {
  make_table();
  (void)run(std::move(Pipeline().add("begin").add(kAdd, Params().int4(1))));
  EXPECT_TRUE(connection_->in_transaction());
  (void)run(std::move(Pipeline().add(kAdd, Params().int4(2)).add("commit")));
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), "1,2");
}

TEST_F(Statements, LargePipelinesBothWaysDoNotStall) {
  constexpr Statement kEcho{"echo", "select $1 || $1"};
  const std::string large(100'000, 'x');
  Pipeline pipeline;
  for (int i = 0; i < 300; ++i) pipeline.add(kEcho, Params().text(large));
  const std::vector<Result> results = run(std::move(pipeline));
  ASSERT_EQ(results.size(), 300U);
  EXPECT_EQ(results.back().one().text(0).size(), 2 * large.size());
}

TEST_F(Statements, AScriptRunsWhollyOrNotAtAll) {
  loop_.run(connection_->execute_script("create table t (n int); insert into t values (1); insert into t values (2);"));
  EXPECT_EQ(rows(), "1,2");
  const PgError error =
      error_of(connection_->execute_script("insert into t values (3);\nselect 1/0;\ninsert into t values (4);"));
  EXPECT_EQ(error.sqlstate(), "22012");
  EXPECT_EQ(rows(), "1,2");
}

TEST_F(Statements, CopyIsRefusedAndBreaksTheConnection) {
  const PgError error = error_of(connection_->execute_script("copy (select 1) to stdout"));
  EXPECT_EQ(error.kind(), ErrorKind::kLost);
  EXPECT_TRUE(connection_->broken());
}

TEST_F(Statements, InTransactionCommitsOrRollsBack) {
  make_table();
  auto add = [&](int n, bool fail) -> Task<int> {
    (void)co_await connection_->query(kAdd, Params().int4(n));
    if (fail) throw std::runtime_error("changed its mind");
    co_return n;
  };
  EXPECT_EQ(loop_.run(in_transaction(*connection_, [&] { return add(1, false); })), 1);
  EXPECT_THROW(loop_.run(in_transaction(*connection_, [&] { return add(2, true); })), std::runtime_error);
  EXPECT_EQ(error_of(in_transaction(*connection_, [&] { return add(1, false); })).sqlstate(), "23505");
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_EQ(rows(), "1");
}

TEST_F(Statements, NoticesAreLogged) {
  std::vector<std::string> seen;
  set_log_sink([&](const LogEvent& event) { seen.emplace_back(std::get<std::string_view>(event.fields[0].value)); });
  (void)query(*connection_, "do $$ begin raise warning 'beware'; raise notice 'by the way'; end $$");
  configure_log(LogLevel::kDebug, LogFormat::kText);
  (void)query(*connection_, "do $$ begin raise notice 'now heard'; end $$");
  configure_log(LogLevel::kInfo, LogFormat::kText);
  set_log_sink({});
  EXPECT_EQ(seen, (std::vector<std::string>{"beware", "now heard"}));
}

TEST_F(Statements, IdentifiersAreQuoted) {
  EXPECT_EQ(connection_->quote_identifier("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace sluice::pg
