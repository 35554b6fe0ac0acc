// Schedules under several workers and a kill: each due time is enqueued once.
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

class CronFault : public FaultTest {
 protected:
  void SetUp() override {
    client_.run(
        "create table public.ran (job jsonb);"
        "create function public.note(job jsonb) returns void language sql as 'insert into public.ran values (job)'");
  }
  // As if `name` had been waiting for workers since 12 hours ago.
  void missed(const std::string& name) {
    client_.run(fmt::format(
        "update sluice.cron_schedules set next_at = date_trunc('minute', now()) - interval '12 hours' where name = "
        "'{0}';"
        "update sluice_private.tasks set run_at = now(), order_key = now() where id = (select tick_id from "
        "sluice.cron_schedules where name = '{0}');"
        "select sluice_private.ring_tasks()",
        name));
  }
};

TEST_F(CronFault, EachDueTimeIsRunOnceByThreeWorkersOfWhichOneIsKilled) {
  client_.run(
      "select sluice.schedule('all', '*/2 * * * *', 'sql', '{\"function\": \"public.note\", \"argument\": {\"a\": "
      "1}}', "
      "missed => 'run_all'),"
      " sluice.schedule('once', '*/2 * * * *', 'sql', '{\"function\": \"public.note\", \"argument\": {\"a\": 2}}', "
      "missed => 'run_once')");
  missed("all");
  missed("once");
  {
    DaemonProcess first("worker", database_.dsn());
    DaemonProcess second("worker", database_.dsn());
    client_.wait_until("select count(*) > 0 from public.ran", "t");
    first.kill();
  }
  DaemonProcess third("worker", database_.dsn());
  client_.wait_until("select bool_and(next_at > now()) from sluice.cron_overview", "t");
  client_.wait_until("select count(*) from sluice_private.tasks where kind = 'sql'", "0");
  const std::string runs = client_.value("select count(*) from public.ran where job = '{\"a\": 1}'");
  EXPECT_GE(std::stoi(runs), 360);  // 12 hours, and what fell due meanwhile
  EXPECT_LE(std::stoi(runs), 362);
  EXPECT_EQ(client_.value("select count(*) from sluice_private.idempotency_keys where scope = 'cron' and key like "
                          "'all:%'"),
            runs);
  EXPECT_LE(std::stoi(client_.value("select count(*) from public.ran where job = '{\"a\": 2}'")), 2);
  EXPECT_EQ(client_.value("select count(*) from sluice_private.tasks where kind = 'cron'"), "2");
}

}  // namespace
}  // namespace sluice::test
