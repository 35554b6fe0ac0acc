// Several workers: one looks out, the others do not poll; it calls when there is more than it can take, gives way when
// it is full, and is replaced when it dies or stops.
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class ScoutFault : public FaultTest {
 protected:
  ~ScoutFault() override { gate_.open(); }

  void enqueue(int count) {
    client_.run(fmt::format("select sluice.enqueue('http', '{{\"url\": \"{}\"}}') from generate_series(1, {})",
                            target_.url(), count));
  }
  void wait_for_scouts(int count) {
    client_.wait_until(
        "select count(*) from pg_locks where locktype = 'advisory' and classid = 1398099268 and granted"
        " and database = (select oid from pg_database where datname = current_database())",
        std::to_string(count));
  }

  Gate gate_;
  HttpTarget target_{[this](const SeenRequest&, int) {
    gate_.wait();
    return TargetReply{};
  }};
};

TEST_F(ScoutFault, OneOfSeveralIdleWorkersPolls) {
  DaemonProcess first("worker", database_.dsn());
  wait_for_scouts(1);
  DaemonProcess second("worker", database_.dsn());
  DaemonProcess third("worker", database_.dsn());
  client_.wait_until("select count(*) from sluice_private.processes", "3");
  // Three heartbeats of the scout later the others' last claims are as old as they were; a worker that was still
  // starting gets another chance.
  std::string polled;
  for (int attempt = 0; attempt < 4 && polled != "1"; ++attempt) {
    client_.run(
        "drop table if exists public.seen; create table public.seen as select pid, query_start from pg_stat_activity "
        "where datname = current_database() and query like '%order_key AS due%'");
    client_.wait_until(
        "select coalesce(bool_or(now.query_start > seen.query_start + interval '3 seconds'), false) from public.seen "
        "join pg_stat_activity now using (pid)",
        "t");
    polled = client_.value(
        "select count(*) from public.seen join pg_stat_activity now using (pid) where now.query_start > "
        "seen.query_start");
  }
  EXPECT_EQ(polled, "1");
}

TEST_F(ScoutFault, OthersComeWhenThereIsMoreThanTheScoutCanTake) {
  const std::vector<std::string> narrow{"--worker.concurrency", "4"};
  DaemonProcess first("worker", database_.dsn(), narrow);
  wait_for_scouts(1);
  DaemonProcess second("worker", database_.dsn(), narrow);
  client_.wait_until("select count(*) from sluice_private.processes", "2");
  enqueue(8);
  target_.wait_for_requests(8);  // each waits at the gate, so both workers are full
  EXPECT_EQ(client_.value("select count(distinct claimed_by) from sluice_private.tasks"), "2");
  gate_.open();
  client_.wait_until("select count(*) from sluice_private.tasks", "0");
}

TEST_F(ScoutFault, AScoutThatIsFullGivesWay) {
  DaemonProcess first("worker", database_.dsn(), {"--worker.concurrency", "3"});
  wait_for_scouts(1);
  enqueue(3);
  wait_for_scouts(0);
  DaemonProcess second("worker", database_.dsn());
  wait_for_scouts(1);
  enqueue(4);
  target_.wait_for_requests(7);
}

TEST_F(ScoutFault, AKilledAndAStoppedScoutAreReplaced) {
  gate_.open();
  auto first = std::make_unique<DaemonProcess>("worker", database_.dsn());
  wait_for_scouts(1);
  DaemonProcess second("worker", database_.dsn());
  client_.wait_until("select count(*) from sluice_private.processes", "2");
  first->kill();
  enqueue(1);
  target_.wait_for_requests(1);
  wait_for_scouts(1);
  DaemonProcess third("worker", database_.dsn());
  client_.wait_until("select count(*) from sluice_private.processes where heartbeat_at > now() - interval '4 seconds'",
                     "2");
  second.stop_clock();
  enqueue(1);
  target_.wait_for_requests(2);
  second.continue_clock();
}

}  // namespace
}  // namespace sluice::test
