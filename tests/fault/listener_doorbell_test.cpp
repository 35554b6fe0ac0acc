// The doorbell's two promises seen from outside (DESIGN 4): a sleeping listener is rung by the commit, and a listener
// does not fall asleep before the last writer that saw it awake has ended. tests/model/events.pml explores the
// protocol; these say that the listener follows it.
#include <atomic>
#include <fstream>
#include <thread>

#include "tests/fault/fault_fixture.h"
#include "tests/support/command.h"

namespace sluice::test {
namespace {

const std::string kFlag = "select pg_sequence_last_value('sluice.events_awake')";

class ListenerDoorbell : public FaultTest {
 protected:
  ListenerDoorbell() {
    client_.run(
        "create table seen (type text);"
        "create function see(events jsonb) returns void language sql as "
        "  $$ insert into public.seen select e ->> 'type' from jsonb_array_elements(events) as e $$;"
        "select sluice.on_event('seen', '{*}', 'see(jsonb)')");
  }
};

TEST_F(ListenerDoorbell, AskedToRingItIsRungByTheCommit) {
  const DaemonProcess listener("listener", database_.dsn(), with_metrics());
  client_.wait_until(kFlag, "1");
  client_.run("select pg_sleep(0.3)");  // it drains, and sleeps unless another test has a transaction open
  client_.run("select sluice.emit('rings')");
  client_.wait_until("select count(*) from seen", "1");
  client_.run("select pg_sleep(2.5)");  // so long until a find of the heartbeat counts
  EXPECT_EQ(metric(listener, "sluice_events_found_by_heartbeat_total"), 0);
}

TEST_F(ListenerDoorbell, AWriterThatSawItAwakeIsWaitedForBeforeItSleeps) {
  const DaemonProcess listener("listener", database_.dsn(), with_metrics());
  const std::string script = testing::TempDir() + "/" + database_.name() + ".sql";
  std::ofstream(script) << "select sluice.emit('keeps.awake');\n";
  const std::string dsn = database_.dsn();
  std::atomic<bool> over = false;
  std::thread writers([&] {
    while (!over) run_command({"pgbench", "-n", "-c", "2", "-T", "1", "-f", script, dsn});
  });
  client_.wait_until("select count(*) > 20 from seen", "t");
  Client late(dsn);
  // Only who finds the flag down commits without a word; on a busy machine the listener dozes off between two writes.
  bool saw_it_awake = false;
  for (const Deadline until = Clock::now() + seconds(40); !saw_it_awake && Clock::now() < until;) {
    late.run("rollback; begin; select sluice.emit('late')");
    saw_it_awake = client_.value(kFlag) == "0";
  }
  over = true;
  writers.join();
  ASSERT_TRUE(saw_it_awake);
  client_.wait_until(kFlag, "1");
  client_.run("select pg_sleep(0.5)");
  late.run("commit");
  client_.wait_until("select count(*) from seen where type = 'late'", "1");
  client_.run("select pg_sleep(2.5)");
  EXPECT_EQ(metric(listener, "sluice_events_found_by_heartbeat_total"), 0);
}

}  // namespace
}  // namespace sluice::test
