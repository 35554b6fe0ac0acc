// A listener reads from a primary only: what a standby shows may never have been committed for good (DESIGN 4).
#include <fstream>
#include <thread>

#include "tests/fault/fault_fixture.h"
#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/test_cluster.h"

namespace sluice::test {
namespace {

class ListenerStandby : public FaultTest {};

TEST_F(ListenerStandby, ServerRestartedAsAStandbyIsWaitedForUntilItIsPromoted) {
  client_.run(
      "create table seen (key text);"
      "create function see(events jsonb) returns void language sql as "
      "  $$ insert into public.seen select e ->> 'key' from jsonb_array_elements(events) as e $$;"
      "select sluice.on_event('seen', '{*}', 'see(jsonb)')");
  const TestCluster& cluster = TestCluster::instance();
  const DaemonProcess listener("listener", database_.dsn());
  client_.run("select sluice.emit('shop.paid', 'before')");
  client_.wait_until("select count(*) from seen", "1");

  cluster.halt("fast");
  const std::string signal = cluster.data_directory() + "/standby.signal";
  std::ofstream(signal).close();
  cluster.resume();
  const Deadline until = Clock::now() + seconds(40);
  while (listener.log().find("hot standby") == std::string::npos && Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(listener.log().find("hot standby"), std::string::npos) << listener.log();
  const CommandResult promoted =
      run_command({"psql", "-XAtc", "select pg_promote()", cluster.socket_dsn(database_.name())});
  EXPECT_EQ(promoted.output, "t\n");

  Client after(database_.dsn());
  after.run("select sluice.emit('shop.paid', 'after')");
  after.wait_until("select string_agg(key, ' ' order by key) from seen", "after before");
}

}  // namespace
}  // namespace sluice::test
