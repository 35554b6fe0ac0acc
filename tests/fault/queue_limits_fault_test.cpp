// Limits of queues with four workers of which some are killed: a recorded history and the receiver's own count say that
// they were never exceeded.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>

#include "tests/fault/fault_fixture.h"

namespace sluice::test {
namespace {

// How many requests were under way at once, in all and for each path; each takes a while.
class Turnstile {
 public:
  TargetReply pass(const SeenRequest& request) {
    std::unique_lock lock(mutex_);
    most_ = std::max(most_, ++inside_);
    int& of_path = by_path_[request.path];
    most_of_path_ = std::max(most_of_path_, ++of_path);
    (void)nobody_calls_.wait_for(lock, std::chrono::milliseconds(10));
    --inside_;
    --of_path;
    return {};
  }
  int most() const { return most_; }
  int most_of_path() const { return most_of_path_; }

 private:
  std::mutex mutex_;
  std::condition_variable nobody_calls_;
  std::map<std::string, int> by_path_;
  int inside_ = 0;
  int most_ = 0;
  int most_of_path_ = 0;
};

class QueueLimits : public FaultTest {
 protected:
  // Records every claim with the processes that were heard of then, and every end of one.
  void record_history() {
    client_.run(R"(
      create table public.history (seq bigserial, at timestamptz, event text, task bigint, token bigint, process bigint, key text, live bigint[]);
      create function public.record() returns trigger language plpgsql as $$
      begin
        if old.claim_token is not null then
          insert into public.history (event, token) values ('end', old.claim_token);
        end if;
        if tg_op = 'UPDATE' and new.claim_token is not null then
          insert into public.history (at, event, task, token, process, key, live)
          values (clock_timestamp(), 'claim', new.id, new.claim_token, new.claimed_by, new.payload ->> 'key',
                  array(select id from sluice_private.processes where heartbeat_at > clock_timestamp() - interval '4 seconds'));
        end if;
        return null;
      end $$;
      create trigger record after update of claim_token on sluice_private.tasks for each row
        when (new.claim_token is distinct from old.claim_token) execute function public.record();
      create trigger record_end after delete on sluice_private.tasks for each row execute function public.record())");
  }

  // The most claims that were held at once by living processes: of all, or of the key that had most.
  int most_at_once(bool of_key) {
    return std::stoi(client_.value(fmt::format(R"(
      select max(n) from (
        select c.seq, {} count(*) as n from public.history c
          join public.history r on r.event = 'claim' and r.seq <= c.seq and r.process = any (c.live) {}
               and not exists (select 1 from public.history e where e.event = 'end' and e.token = r.token and e.seq <= c.seq)
         where c.event = 'claim' group by 1 {}) x)",
                                               of_key ? "r.key," : "", of_key ? "and r.key is not null" : "",
                                               of_key ? ", r.key" : "")));
  }
};

TEST_F(QueueLimits, AreNeverExceededByFourWorkersThatAreKilled) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  Turnstile turnstile;
  HttpTarget target([&](const SeenRequest& request, int) { return turnstile.pass(request); });
  record_history();
  client_.run("select sluice.limit_queue('narrow', max_running => 5, max_per_key => 2)");
  client_.run(fmt::format(
      "select sluice.enqueue('http', jsonb_build_object('url', '{}k' || n % 4, 'key', 'k' || n % 4), 'narrow', "
      "max_attempts => 100, priority => n % 3) from generate_series(1, 300) n",
      target.url()));
  std::vector<std::unique_ptr<DaemonProcess>> workers;
  workers.reserve(4);
  const auto add = [&] { workers.push_back(std::make_unique<DaemonProcess>("worker", database_.dsn())); };
  for (int i = 0; i < 4; ++i) add();
  client_.wait_until("select count(*) <= 200 from sluice_private.tasks where queue = 'narrow'", "t");
  std::ranges::shuffle(workers, random);
  for (const std::size_t victim : {0U, 1U}) workers[victim]->kill();
  workers.erase(workers.begin(), workers.begin() + 2);
  add();
  client_.wait_until("select count(*) from sluice_private.tasks where queue = 'narrow'", "0");
  EXPECT_EQ(client_.value("select count(*) from sluice.task_idempotency_records where status = 'completed'"), "300");
  EXPECT_EQ(most_at_once(false), 5) << "the limit is reached and not exceeded";
  EXPECT_EQ(most_at_once(true), 2);
  EXPECT_LE(turnstile.most(), 5);
  EXPECT_LE(turnstile.most_of_path(), 2);
}

TEST_F(QueueLimits, StartsWithinAPeriodAreNeverMoreThanTheRate) {
  HttpTarget target([](const SeenRequest&, int) { return TargetReply{}; });
  record_history();
  client_.run("select sluice.limit_queue('paced', rate => 10, rate_period => '400 ms')");
  client_.run(fmt::format("select sluice.enqueue('http', '{{\"url\": \"{}\"}}', 'paced') from generate_series(1, 35)",
                          target.url()));
  std::vector<std::unique_ptr<DaemonProcess>> workers;
  workers.reserve(4);
  for (int i = 0; i < 3; ++i) workers.push_back(std::make_unique<DaemonProcess>("worker", database_.dsn()));
  client_.wait_until("select count(*) from sluice_private.tasks where queue = 'paced'", "0");
  EXPECT_EQ(
      client_.value("select count(*) from (select at - lag(at, 10) over (order by at) as apart from public.history "
                    "where event = 'claim') x where apart < interval '400 ms'"),
      "0");
}

TEST_F(QueueLimits, ADeadWorkersPlaceIsTakenWithinFiveSeconds) {
  Gate gate;
  HttpTarget target([&](const SeenRequest&, int count) {
    if (count == 1) gate.wait();
    return TargetReply{};
  });
  client_.run("select sluice.limit_queue('one', 1)");
  client_.run(fmt::format("select sluice.enqueue('http', '{{\"url\": \"{}\"}}', 'one') from generate_series(1, 2)",
                          target.url()));
  DaemonProcess victim("worker", database_.dsn());
  target.wait_for_requests(1);
  DaemonProcess other("worker", database_.dsn());
  victim.kill();
  const auto killed = Clock::now();
  target.wait_for_requests(2);
  const auto taken = Clock::now() - killed;
  EXPECT_LT(taken, seconds(7)) << "five, and what a loaded machine adds";
  EXPECT_GT(taken, std::chrono::milliseconds(500)) << "before that it was the victim's";
  gate.open();
  client_.wait_until("select count(*) from sluice_private.tasks where queue = 'one'", "0");
}

}  // namespace
}  // namespace sluice::test
