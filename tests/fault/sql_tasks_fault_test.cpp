// Sql tasks run many to a transaction (docs/decisions/0034-sql-tasks-together.md): each takes effect once all the same.
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class SqlTasksFault : public FaultTest {
 protected:
  SqlTasksFault() {
    client_.run(
        "create table done (n int);"
        "create function job(argument jsonb) returns void language plpgsql as $$ begin"
        "  if argument ->> 'bad' is not null then raise 'job % is bad', argument ->> 'n'; end if;"
        "  insert into public.done values ((argument ->> 'n')::int); end $$");
  }

  // Jobs 1 to `count` in one transaction; those whose number `bad` divides fail whenever they run.
  void enqueue(int count, int bad) {
    client_.run(fmt::format(
        "select sluice.enqueue('sql', jsonb_strip_nulls(jsonb_build_object('function', 'public.job', 'argument',"
        "  jsonb_build_object('n', n, 'bad', case when n % {} = 0 then true end))), max_attempts => 1)"
        "  from generate_series(1, {}) as n",
        bad, count));
  }

  void wait_for_the_end() { client_.wait_until("select count(*) from sluice_private.tasks where kind = 'sql'", "0"); }
  void expect(const std::string& sql, const std::string& answer) { EXPECT_EQ(client_.value(sql), answer) << sql; }
};

TEST_F(SqlTasksFault, BadOnesOfABatchFailAloneAndTheOthersTakeEffectOnce) {
  enqueue(1000, 97);
  DaemonProcess worker("worker", database_.dsn());
  wait_for_the_end();
  expect("select count(*) || ' ' || count(distinct n) from done", "990 990");
  expect("select count(*) from sluice.task_idempotency_records where kind = 'sql' and status = 'completed'", "990");
  expect("select string_agg(payload #>> '{argument,n}', ' ' order by task_id) from sluice.task_failures",
         "97 194 291 388 485 582 679 776 873 970");
  expect(
      "select count(*) from sluice.task_failures where reason = format('job %s is bad', payload #>> '{argument,n}')"
      "  and attempts = 1",
      "10");
}

// As a disk does whose flush takes long: each transaction waits before its commit, however few tasks it has.
TEST_F(SqlTasksFault, ASlowCommitDoesNotMakeBatchesSmall) {
  client_.run(
      "create function flush() returns trigger language plpgsql as $$ begin"
      "  if current_setting('test.flushed', true) is distinct from 'yes' then perform pg_sleep(0.015); end if;"
      "  perform set_config('test.flushed', 'yes', true); return null; end $$;"
      "create constraint trigger flush after insert on done deferrable initially deferred for each row execute "
      "function flush()");
  enqueue(1000, 10'000);
  DaemonProcess worker("worker", database_.dsn());
  wait_for_the_end();
  EXPECT_LT(std::stoi(client_.value("select count(distinct xmin::text) from done")), 100);
}

TEST_F(SqlTasksFault, WorkersKilledInTheMidstOfBatchesRunEachOnce) {
  enqueue(3000, 10'000);
  {
    DaemonProcess first("worker", database_.dsn());
    DaemonProcess second("worker", database_.dsn());
    client_.wait_until("select count(*) > 200 from done", "t");
    first.kill();
    second.kill();
  }
  DaemonProcess last("worker", database_.dsn());
  wait_for_the_end();
  expect("select count(*) || ' ' || count(distinct n) from done", "3000 3000");
  expect("select count(*) from sluice.task_failures", "0");
}

// A backlog of quick ones is worked off without claims (docs/decisions/0043).
TEST_F(SqlTasksFault, ABacklogIsWorkedOffWithoutClaimsAndThoseThatFailAreFound) {
  enqueue(20'000, 4999);
  DaemonProcess worker("worker", database_.dsn());
  wait_for_the_end();
  expect("select count(*) || ' ' || count(distinct n) from done", "19996 19996");
  expect("select string_agg(payload #>> '{argument,n}', ' ' order by task_id) from sluice.task_failures",
         "4999 9998 14997 19996");
  expect("select last_value < 15000 from sluice_private.claim_tokens", "t");
}

// So does a worker that slept run what is like its last task, and then it looks for the rest.
TEST_F(SqlTasksFault, AWorkerThatSleptRunsATaskLikeTheLastWithoutAClaim) {
  client_.run(
      "create table others (n int);"
      "create function other(argument jsonb) returns void language sql as 'insert into public.others values (1)'");
  DaemonProcess worker("worker", database_.dsn());
  const auto asleep = [this] { client_.wait_until("select last_value <> 0 from sluice.tasks_awake", "t"); };
  const auto claims = [this] {
    return client_.value("select last_value || ' ' || is_called from sluice_private.claim_tokens");
  };
  // The flag is up a moment before the worker sleeps: one that comes meanwhile may be found by a claim.
  bool without_claim = false;
  int ran = 0;
  while (!without_claim && ran < 200) {
    asleep();
    const std::string before = claims();
    enqueue(1, 2);
    client_.wait_until("select count(*) from done", std::to_string(++ran));
    without_claim = claims() == before;
  }
  EXPECT_TRUE(without_claim);

  asleep();
  client_.run(
      "select sluice.enqueue('sql', '{\"function\": \"public.other\"}'),"
      "       sluice.enqueue('sql', '{\"function\": \"public.job\", \"argument\": {\"n\": 2}}')");
  wait_for_the_end();
  expect("select count(*) || ' ' || (select count(*) from others) from done", fmt::format("{} 1", ran + 1));

  asleep();
  enqueue(1, 1);  // bad
  wait_for_the_end();
  expect("select attempts from sluice.task_failures", "1");
  expect("select count(*) from done", std::to_string(ran + 1));
}

TEST_F(SqlTasksFault, WorkersKilledWhileTheyWorkOffABacklogRunEachOnce) {
  enqueue(40'000, 100'000);
  for (const int seen : {2000, 8000, 14'000}) {
    DaemonProcess first("worker", database_.dsn());
    DaemonProcess second("worker", database_.dsn());
    client_.wait_until(fmt::format("select count(*) > {} from done", seen), "t");
    first.kill();
    second.kill();
  }
  DaemonProcess last("worker", database_.dsn());
  wait_for_the_end();
  expect("select count(*) || ' ' || count(distinct n) from done", "40000 40000");
  expect("select count(*) from sluice.task_failures", "0");
  expect("select last_value < 30000 from sluice_private.claim_tokens", "t");
}

TEST_F(SqlTasksFault, WhatHasAPriorityIsNotHeldUpByABacklog) {
  client_.run(
      "create table urgent (after_jobs int);"
      "create function urgent(argument jsonb) returns void language sql as"
      "  'insert into public.urgent select count(*) from public.done';"
      "create function enqueue_urgent() returns trigger language plpgsql as $$ begin"
      "  perform sluice.enqueue('sql', '{\"function\": \"public.urgent\"}', priority => 1); return null; end $$;"
      "create trigger enqueue_urgent after insert on done for each row when (new.n = 5000) execute function "
      "enqueue_urgent()");
  enqueue(30'000, 100'000);
  DaemonProcess worker("worker", database_.dsn());
  wait_for_the_end();
  expect("select after_jobs between 4000 and 29000 from urgent", "t");
}

TEST_F(SqlTasksFault, AFunctionThatSuddenlyTakesLongKeepsNothingElseFromBeingClaimed) {
  client_.run(
      "create table others (n int);"
      "create function other(argument jsonb) returns void language sql as 'insert into public.others values (1)';"
      "create function wait_for_other() returns trigger language plpgsql as $$ begin"
      "  while not exists (select from public.others) loop perform pg_sleep(0.01); end loop; return null; end $$;"
      "create trigger wait_for_other after insert on done for each row when (new.n = 5000) execute function "
      "wait_for_other()");
  enqueue(10'000, 100'000);
  client_.run("select sluice.enqueue('sql', '{\"function\": \"public.other\"}')");
  DaemonProcess worker("worker", database_.dsn());
  wait_for_the_end();
  expect("select count(*) || ' ' || count(distinct n) from done", "10000 10000");
}

}  // namespace
}  // namespace sluice::test
