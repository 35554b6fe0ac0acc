// Tasks, deliveries, endpoints, events and status, as an operator sees and moves them.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "core/base/crypto.h"
#include "core/pg/connection.h"
#include "tests/support/daemon_process.h"
#include "tests/system/cli_fixture.h"

extern char** environ;

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CliOperations : public CliTest {
 protected:
  std::string dead_letter(int id) const {
    run_sql(
        fmt::format("insert into sluice.task_failures (task_id, kind, queue, priority, reason, attempts, max_attempts, "
                    "retryable, created_at, payload, errors)"
                    " values ({}, 'http', 'default', 0, 'connect', 10, 10, true, now(), '{{\"url\": "
                    "\"https://example.com/\"}}', '[{{\"attempt\": 10, \"error\": \"connect\"}}]')",
                    id));
    return std::to_string(id);
  }
  std::string endpoint(const std::string& arguments = "'https://hooks.example.com/in'") const {
    return value("select endpoint_id from sluice.subscribe(" + arguments + ")");
  }
};

TEST_F(CliOperations, DeadLettersAreListedShownRetriedAndDiscarded) {
  EXPECT_EQ(good({"tasks", "list"}).out, "no tasks wait and none failed\n");
  const std::string first = dead_letter(900001);
  const std::string second = dead_letter(900002);
  const Json list = good({"tasks", "list", "--status", "failed", "--json"}).json();
  ASSERT_EQ(list.Size(), 2U);
  EXPECT_EQ(string_member(list[0], "last_error"), "connect");
  EXPECT_THAT(good({"tasks", "show", first}).out, HasSubstr("connect"));

  EXPECT_EQ(good({"tasks", "retry", first}).out, "task 900001 will run again\n");
  EXPECT_EQ(string_member(good({"tasks", "show", first, "--json"}).json(), "status"), "ready");
  EXPECT_EQ(good({"tasks", "discard", first, second, "--json"}).out, "[900001,900002]\n");
  EXPECT_EQ(good({"tasks", "list"}).out, "no tasks wait and none failed\n");
  EXPECT_EQ(string_member(good({"tasks", "show", first, "--json"}).json(), "status"), "discarded");
}

TEST_F(CliOperations, DeadLettersAreRetriedByWhatTheyHaveInCommon) {
  for (const int id : {900001, 900002, 900003}) dead_letter(id);
  run_sql("update sluice.task_failures set reason = 'HTTP 503' where task_id = 900002");
  EXPECT_EQ(good({"tasks", "retry", "--reason", "503", "--queue", "default"}).out, "1 task will run again\n");
  EXPECT_EQ(string_member(good({"tasks", "show", "900002", "--json"}).json(), "status"), "ready");
  EXPECT_EQ(good({"tasks", "retry", "--until", "yesterday"}).out, "0 tasks will run again\n");
  EXPECT_THAT(sluice({"tasks", "retry", "--since", "soon"}).err, HasSubstr("soon"));
  EXPECT_THAT(sluice({"tasks", "retry", "--kind", "http", "900001"}).err, HasSubstr("not both"));
  EXPECT_EQ(sluice({"tasks", "retry"}).code, 2);
  EXPECT_EQ(good({"tasks", "retry", "--all", "--json"}).out, "{\"retried\":2}\n");
  EXPECT_EQ(value("select count(*) from sluice.task_failures"), "0");
}

TEST_F(CliOperations, AStatusThatDoesNotExistIsRefused) {
  for (const std::string list : {"tasks", "deliveries", "session"}) {
    const Outcome outcome = sluice({list, "list", "--status", "dea"});
    EXPECT_EQ(outcome.code, 2) << list;
    EXPECT_THAT(outcome.err, HasSubstr("--status has no 'dea'")) << list;
  }
  EXPECT_EQ(sluice({"tasks", "list", "--status", "ready failed"}).code, 2);
}

TEST_F(CliOperations, SchedulesAreListed) {
  EXPECT_THAT(good({"cron", "list"}).out, StartsWith("no schedules"));
  run_sql(
      "select sluice.schedule('nightly', '30 2 * * *', 'http', '{\"url\": \"https://example.com/\"}', 'Europe/Paris')");
  run_sql("select sluice.schedule('off', '@hourly', 'http', '{\"url\": \"https://example.com/\"}', enabled => false)");
  const Json list = good({"cron", "list", "--json"}).json();
  ASSERT_EQ(list.Size(), 2U);
  EXPECT_EQ(string_member(list[0], "name"), "nightly");
  EXPECT_EQ(string_member(list[0], "time_zone"), "Europe/Paris");
  EXPECT_NE(string_member(list[0], "next_at"), "");
  EXPECT_EQ(string_member(list[1], "status"), "disabled");
}

TEST_F(CliOperations, AllTasksOfACallAreMovedOrNone) {
  const std::string known = dead_letter(900001);
  const Outcome outcome = sluice({"tasks", "discard", known, "900009"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("task 900009 is no dead letter"));
  EXPECT_EQ(value("select count(*) from sluice.task_failures"), "1");
  EXPECT_EQ(sluice({"tasks", "retry", "900009"}).code, 1);
  EXPECT_THAT(sluice({"tasks", "show", "900009"}).err, HasSubstr("task 900009 is unknown"));
}

TEST_F(CliOperations, EndpointsAreListedTestedDisabledAndEnabled) {
  const std::string id = endpoint();
  EXPECT_EQ(string_member(good({"endpoints", "list", "--json"}).json()[0], "status"), "enabled");
  const auto delivery = find(good({"endpoints", "test", id, "--json"}).json(), "delivery_id")->GetInt64();
  const Json shown = good({"deliveries", "show", std::to_string(delivery), "--json"}).json();
  EXPECT_EQ(string_member(shown, "event_type"), "ping");
  EXPECT_THAT(std::string(string_member(shown, "body")), StartsWith("{\"type\":\"ping\""));
  EXPECT_EQ(find(shown, "attempts")->Size(), 0U);

  EXPECT_THAT(good({"endpoints", "disable", id, "--reason", "moving house"}).out, HasSubstr("is disabled"));
  EXPECT_EQ(string_member(good({"endpoints", "show", id, "--json"}).json(), "disabled_reason"), "moving house");
  const Outcome refused = sluice({"endpoints", "test", id});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is disabled\nDETAIL: moving house\nHINT: enable it first"));
  EXPECT_THAT(good({"endpoints", "enable", id, "--replay"}).out, HasSubstr("is enabled"));
  EXPECT_EQ(good({"deliveries", "list", "--status", "pending", "--json"}).json().Size(), 1U);

  const std::string unknown = "0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10";
  for (const std::string& command : {"show", "test", "enable", "disable"}) {
    const Outcome outcome = sluice({"endpoints", command, unknown});
    EXPECT_EQ(outcome.code, 1) << command;
    EXPECT_THAT(outcome.err, HasSubstr("unknown endpoint " + unknown)) << command;
  }
}

TEST_F(CliOperations, RotationMakesASecretOfTheKindThereIs) {
  const std::string hmac = endpoint();
  const Outcome rotated = good({"endpoints", "rotate", hmac, "--overlap", "2 days"});
  EXPECT_THAT(rotated.out, StartsWith("whsec_"));
  EXPECT_EQ(value("select count(*) from sluice.webhook_secrets where endpoint_id = '" + hmac +
                  "' and valid_until is not null"),
            "1");
  EXPECT_THAT(good({"endpoints", "show", hmac}).out, testing::Not(HasSubstr("whsec_")));

  const std::string seed(32, 's');
  Ed25519Seed bytes;
  std::copy(seed.begin(), seed.end(), bytes.begin());
  const Ed25519Public key = ed25519_public(bytes);
  const std::string secret = "whsk_" + base64_encode(seed + std::string(as_text(key)));
  const std::string pair = endpoint("'https://hooks.example.com/ed', secret => '" + secret + "'");
  const Json made = good({"endpoints", "rotate", pair, "--json"}).json();
  EXPECT_THAT(std::string(string_member(made, "signing_secret")), StartsWith("whsk_"));
  EXPECT_THAT(std::string(string_member(made, "public_key")), StartsWith("whpk_"));
  EXPECT_EQ(value("select string_agg(kind, ' ') from sluice.webhook_secrets where endpoint_id = '" + pair + "'"),
            "ed25519 ed25519");
  EXPECT_EQ(value("select count(*) from sluice.webhook_secrets where secret = '" +
                  std::string(string_member(made, "signing_secret")) + "'"),
            "1");

  const Outcome bad = sluice({"endpoints", "rotate", hmac, "--overlap", "8 days"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad overlap 8 days"));
}

TEST_F(CliOperations, DeliveriesAreRetriedAndReplayed) {
  const std::string id = endpoint();
  const auto delivery =
      std::to_string(find(good({"endpoints", "test", id, "--json"}).json(), "delivery_id")->GetInt64());
  EXPECT_EQ(good({"deliveries", "retry", delivery}).out, "delivery " + delivery + " is sent now\n");
  run_sql(
      "insert into sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, "
      "attempt, status, outcome, response)"
      " select id, message_no, message_at, now(), endpoint_id, 5, 10, 500, 'dead', '\\x6f6800ff' from "
      "sluice.webhook_deliveries; delete from sluice.webhook_deliveries");
  EXPECT_EQ(string_member(good({"deliveries", "list", "--status", "dead", "--json"}).json()[0], "status"), "dead");
  const Json shown = good({"deliveries", "show", delivery, "--json"}).json();
  EXPECT_EQ(string_member((*find(shown, "attempts"))[0], "outcome"), "dead");
  EXPECT_THAT(good({"deliveries", "replay", id, "--since", "yesterday"}).out, HasSubstr("1 delivery is sent again"));
  EXPECT_EQ(value("select lane from sluice.webhook_deliveries"), "2");
  EXPECT_EQ(good({"deliveries", "list", "--endpoint", "https://elsewhere/"}).out, "no deliveries\n");

  EXPECT_THAT(sluice({"deliveries", "show", "999999"}).err, HasSubstr("delivery 999999 is unknown"));
  EXPECT_THAT(sluice({"deliveries", "retry", "999999"}).err, HasSubstr("unknown delivery 999999"));
  EXPECT_EQ(sluice({"deliveries", "replay", id, "--since", "whenever"}).code, 1);
}

TEST_F(CliOperations, EventsAreListedAndShown) {
  EXPECT_EQ(good({"events", "list"}).out, "no events\n");
  const std::string id = value("select sluice.emit('order.paid', 'o-1', '{\"total\": 5}')");
  (void)value("select sluice.emit('order.sent', 'o-1')");
  EXPECT_EQ(good({"events", "list", "--json"}).json().Size(), 2U);
  const Json one = good({"events", "list", "--type", "order.paid", "--json"}).json();
  ASSERT_EQ(one.Size(), 1U);
  EXPECT_EQ(string_member(one[0], "key"), "o-1");
  EXPECT_EQ(find(good({"events", "show", id, "--json"}).json(), "id")->GetInt64(), std::stoll(id));
  EXPECT_THAT(sluice({"events", "show", "999999"}).err, HasSubstr("event 999999 is not in the log"));
}

// `sluice events tail` in the background, with its output to be read line by line.
class Tail {
 public:
  explicit Tail(const std::string& dsn) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string words[] = {std::string(SLUICE_BINARY_DIR) + "/bin/sluice", "events", "tail", "--json", "--dsn", dsn};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                    words[4].data(), words[5].data(), nullptr};
    EXPECT_EQ(posix_spawn(&child_, argv[0], &actions, nullptr, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Tail() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
    (void)std::fclose(output_);
  }
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  [[nodiscard]] bool says_something(std::chrono::milliseconds patience) {
    pollfd wanted{fileno(output_), POLLIN, 0};
    return poll(&wanted, 1, static_cast<int>(patience.count())) == 1;
  }

  // Reads until an event of this type.
  void skip_to(std::string_view type) {
    while (string_member(next(), "event_type") != type) {
    }
  }

 private:
  Json next() {
    char line[65536] = "";
    if (std::fgets(line, sizeof line, output_) == nullptr) throw std::runtime_error("sluice events tail has ended");
    auto document = parse_json(line);
    EXPECT_TRUE(document) << line;
    return document ? std::move(*document) : Json();
  }

  pid_t child_ = -1;
  std::FILE* output_ = nullptr;
};

TEST_F(CliOperations, TailShowsWhatCommitsAlsoWhenItCommitsLate) {
  Tail tail(database_.dsn());
  do {
    (void)value("select sluice.emit('order.marker')");
  } while (!tail.says_something(std::chrono::milliseconds(300)));

  Loop loop;
  BlockingPool pool(loop, 1);
  const auto slow = loop.run(pg::Connection::connect(loop, pool, {.dsn = database_.dsn()}));
  (void)loop.run(slow->query("begin"));
  (void)loop.run(slow->query("select sluice.emit('order.late')"));
  (void)value("select sluice.emit('order.early')");
  tail.skip_to("order.early");
  (void)loop.run(slow->query("commit"));
  tail.skip_to("order.late");
}

TEST_F(CliOperations, ParkedEventsAreListedRetriedAndDiscarded) {
  run_sql(
      "create function handle(events jsonb) returns void language sql security definer set search_path = pg_catalog, "
      "pg_temp as ''; select sluice.on_event('mine', '{order.*}', 'handle(jsonb)')");
  EXPECT_EQ(good({"events", "list", "--parked"}).out, "no events are parked\n");
  run_sql(
      "insert into sluice.event_failures (consumer_id, event_id, event_type, body, error, attempts)"
      " select c.id, n, 'order.paid', '{\"type\":\"order.paid\"}', 'boom ' || n, 10 from "
      "sluice.event_consumers c, generate_series(1, 4) n where c.name = 'mine'");
  EXPECT_THAT(good({"events", "list", "--parked"}).out, AllOf(HasSubstr("boom 1"), HasSubstr("boom 4")));
  EXPECT_EQ(good({"events", "retry", "mine", "1", "3"}).out,
            "event 1 will be taken again\nevent 3 will be taken again\n");
  const auto marked = [&] {
    return value(
        "select string_agg(event_id::text, ' ' order by event_id) from sluice.event_failures where retry_at is not "
        "null");
  };
  EXPECT_EQ(marked(), "1 3");
  EXPECT_EQ(good({"events", "discard", "mine", "2"}).out, "event 2 discarded\n");
  EXPECT_EQ(good({"events", "retry", "mine"}).out, "mine will take its parked events again, beginning with 3\n");
  EXPECT_EQ(marked(), "1 3 4");
  EXPECT_THAT(sluice({"events", "discard", "mine", "3", "2"}).err, HasSubstr("event 2 is not parked by consumer mine"));
  EXPECT_EQ(marked(), "1 3 4");  // all or none
  EXPECT_THAT(sluice({"events", "retry", "nobody"}).err, HasSubstr("event consumer 'nobody' is unknown"));
  EXPECT_EQ(sluice({"events", "retry", "mine", "x"}).code, 2);
}

TEST_F(CliOperations, ReplaySinceATimeGivesAConsumerItsEventsOnceMore) {
  run_sql(
      "create table seen (id bigint); create function handle(events jsonb) returns void language sql security definer "
      "set search_path = pg_catalog, pg_temp as "
      "$$ insert into public.seen select (e ->> 'id')::bigint from jsonb_array_elements(events) e $$; select "
      "sluice.on_event('mine', '{order.*}', 'handle(jsonb)')");
  DaemonProcess listener("listener", database_.dsn());
  (void)value("select sluice.emit('order.paid', 'o-1')");
  const auto until_seen = [&](const std::string& count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (value("select count(*) from seen, pg_sleep(0.05)") != count && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(value("select count(*) from seen"), count);
  };
  until_seen("1");
  EXPECT_THAT(good({"events", "replay", "mine", "--since", "yesterday"}).out, HasSubstr("to mine again"));
  until_seen("2");
  EXPECT_EQ(value("select count(distinct id) from seen"), "1");
}

TEST_F(CliOperations, ResyncSaysHowManyEventsAreUnhandled) {
  (void)value("select sluice.emit('order.paid')");
  EXPECT_THAT(good({"events", "resync"}).out, HasSubstr("1 events are to be handled"));
  EXPECT_EQ(find(good({"events", "resync", "--skip-unhandled", "--json"}).json(), "unhandled")->GetInt(), 0);
}

TEST_F(CliOperations, StatusShowsWhatRunsAndWhatWaits) {
  DaemonProcess worker("worker", database_.dsn());
  (void)endpoint();
  const Outcome words = good({"status"});
  for (const char* part : {"Processes", "worker", "alive", "Queues", "default", "Consumers of events", "relay",
                           "https://hooks.example.com/in"}) {
    EXPECT_THAT(words.out, HasSubstr(part));
  }
  EXPECT_THAT(words.out, testing::Not(HasSubstr("\x1b"))) << "colour is for terminals";
  const Json status = good({"status", "--json"}).json();
  EXPECT_EQ(find(status, "consumers")->Size(), 2U);
  EXPECT_EQ(find(status, "endpoints")->Size(), 1U);
  EXPECT_EQ(find(status, "processes")->Size(), 1U);
}

TEST_F(CliOperations, ColumnsAreAlignedByWhatATerminalShows) {
  std::string wide(kGreeter);
  wide.replace(wide.find("greeter"), 7, "\xE8\xAF\xBB\xE4\xB9\xA6");  // two characters, four columns
  (void)good({"flow", "import", "-"}, wide);
  publish_greeter();
  const Outcome list = good({"flow", "list"});
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < list.out.size();) {
    const auto end = list.out.find('\n', at);
    lines.push_back(list.out.substr(at, end - at));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1].find(value("select id from sluice.flow_definitions where name = 'greeter'")), lines[0].find("ID"));
  EXPECT_EQ(lines[2].find(value("select id from sluice.flow_definitions where name <> 'greeter'")),
            lines[0].find("ID") + 2)
      << "six bytes of name in four columns";
}

}  // namespace
}  // namespace sluice::test
