// The daemons need no right beyond those of the role sluice_daemon: with it alone a session runs to its end, an SQL
// handler sees its events, and a subscriber gets them.
#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

using DaemonRole = FaultTest;

TEST_F(DaemonRole, IsAllThatDaemonsNeed) {
  HttpTarget receiver([](const SeenRequest&, int) { return TargetReply{204, ""}; });
  client_.run(R"(
    create table public.seen (id bigint);
    create function public.see(events jsonb) returns void language sql security definer set search_path = public, pg_temp as
      $$ insert into seen select (e ->> 'id')::bigint from jsonb_array_elements(events) as e $$;
    select sluice.on_event('see', '{*}', 'public.see(jsonb)'))");
  client_.run("select sluice.subscribe('" + receiver.url() + "')");
  publish(R"({"name": "greet", "entry_node_id": "hi", "connections": [],
              "nodes": [{"node_id": "hi", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Hi"}]}}]})");
  const std::string dsn = database_.dsn() + "?options=-c%20role%3Dsluice_daemon";
  const DaemonProcess listener("listener", dsn);
  const DaemonProcess worker("worker", dsn);
  const DaemonProcess notifier("notifier", dsn);
  wait_for_status(start("greet"), "completed");
  client_.wait_until("select count(*) > 0 from public.seen", "t");
  receiver.wait_for_requests(1);
  client_.wait_until("select count(*) > 0 from sluice.delivery_overview where status = 'delivered'", "t");
}

}  // namespace
}  // namespace sluice::test
