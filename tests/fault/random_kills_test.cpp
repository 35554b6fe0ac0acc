// Many sessions of twenty calls each while four workers are killed at random. SLUICE_FULL_RUNS=1: a thousand sessions.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

constexpr int kNodes = 20;

class RandomKills : public FaultTest {
 protected:
  void publish_chain(const std::string& url) {
    std::string nodes;
    std::string connections;
    for (int i = 0; i < kNodes; ++i) {
      nodes += fmt::format(
          R"({}{{"node_id": "n{}", "node_type": "webhook", "content": {{"url": "{}", "body": {{"node": {}}}, "response_mapping": {{"n{}": "$.node"}}}}}})",
          i == 0 ? "" : ",", i, url, i, i);
      if (i > 0)
        connections +=
            fmt::format(R"({}{{"source_node_id": "n{}", "target_node_id": "n{}", "connection_type": "success"}})",
                        i == 1 ? "" : ",", i - 1, i);
    }
    publish(fmt::format(R"({{"name": "chain", "entry_node_id": "n0", "nodes": [{}], "connections": [{}]}})", nodes,
                        connections));
  }

  // Every claim of a task: of its row, or as the one that its worker takes on in the same claim. Which it is, the
  // session's wait says at the end of the transaction.
  void record_claims() {
    client_.run(R"(
      create table public.claims (key text, token bigint, primary key (key, token));
      create table public.requests (key text);
      create index on public.claims (key);
      create index on public.requests (key);
      create function public.claimed() returns trigger language plpgsql as $$
      begin
        insert into public.claims
        select o.idempotency_key, t.claim_token from sluice_private.tasks t join sluice.task_overview o on o.task_id = t.id
         where t.kind = 'webhook' and t.claim_token is not null
           and t.session_id = coalesce(to_jsonb(new) ->> 'session_id', to_jsonb(new) ->> 'id')::uuid
        on conflict do nothing;
        return null;
      end $$;
      create trigger claimed after update of claim_token on sluice_private.tasks for each row
        when (new.claim_token is not null and new.claim_token is distinct from old.claim_token) execute function public.claimed();
      create constraint trigger taken_on after update on sluice.conversation_sessions deferrable initially deferred for each row
        when (new.wait ->> 'for' = 'task') execute function public.claimed())");
  }

  void store_requests(const std::vector<SeenRequest>& requests) {
    std::string keys;
    for (const SeenRequest& request : requests) keys += request.headers.at("idempotency-key") + "\n";
    client_.run("insert into public.requests select unnest(string_to_array(rtrim('" + keys + "', E'\\n'), E'\\n'))");
  }

  void expect_none(const std::string& what, const std::string& from) {
    EXPECT_EQ(client_.value("select count(*) from " + from), "0") << what;
  }
};

TEST_F(RandomKills, EveryStepHappensOnceAndEveryCallKeepsItsKey) {
  const bool full = std::getenv("SLUICE_FULL_RUNS") != nullptr;
  const int sessions = full ? 1000 : 40;
  const int kills = full ? 12 : 2;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  HttpTarget target([](const SeenRequest& request, int) { return TargetReply{200, request.body}; });
  publish_chain(target.url());
  record_claims();

  std::vector<std::unique_ptr<DaemonProcess>> workers;
  const auto add = [&] { workers.push_back(std::make_unique<DaemonProcess>("worker", database_.dsn())); };
  for (int i = 0; i < 4; ++i) add();
  client_.run(fmt::format("select sluice.start_session('chain') from generate_series(1, {})", sessions));
  for (int kill = 1; kill <= kills; ++kill) {
    client_.wait_until(fmt::format("select sum(revision) >= {} from sluice.conversation_sessions",
                                   sessions * (2 + kNodes) * kill / (kills + 1)),
                       "t");
    std::ranges::shuffle(workers, random);
    workers.back()->kill();
    workers.pop_back();
    add();
  }
  client_.wait_until("select count(*) from sluice.conversation_sessions where status = 'completed'",
                     std::to_string(sessions));
  workers.clear();
  store_requests(target.seen());

  expect_none("revisions", fmt::format("sluice.conversation_sessions where revision <> {}", 2 + kNodes));
  expect_none("answers", fmt::format("sluice.conversation_sessions where (select count(*) from jsonb_each(state -> "
                                     "'variables')) <> {} or state #> '{{variables,n7}}' <> '7'",
                                     kNodes));
  EXPECT_EQ(
      client_.value("select count(*) || '/' || count(distinct idempotency_key) from sluice.task_idempotency_records "
                    "where status = 'completed' and kind = 'webhook'"),
      fmt::format("{0}/{0}", sessions * kNodes));
  expect_none("calls that were never made",
              "sluice.task_idempotency_records r where kind = 'webhook' and not exists (select from public.requests q "
              "where q.key = r.idempotency_key)");
  expect_none("calls under other keys",
              "public.requests q where not exists (select from sluice.task_idempotency_records r where "
              "r.idempotency_key = q.key)");
  expect_none("more calls than attempts",
              "(select key, count(*) as calls from public.requests group by key) q where calls > (select count(*) from "
              "public.claims c where c.key = q.key)");
  expect_none("tasks left over", "sluice_private.tasks where kind <> 'timer'");
  std::printf("%s calls for %d steps, %d workers killed, seed %u\n",
              client_.value("select count(*) from public.requests").c_str(), sessions * kNodes, kills, seed);
}

}  // namespace
}  // namespace sluice::test
