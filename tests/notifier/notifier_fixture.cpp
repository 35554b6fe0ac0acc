#include "tests/notifier/notifier_fixture.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::notifier {
namespace {

using std::chrono::seconds;

Deadline patience() { return Clock::now() + seconds(30); }

}  // namespace

NotifierProcess::NotifierProcess(const std::string& dsn, const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {SLUICE_BINARY_DIR "/bin/notifier_process", "--dsn", dsn, "--http.allow_networks", "127.0.0.0/8"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  if (posix_spawn(&pid_, pointers.front(), nullptr, nullptr, pointers.data(), environ) != 0) throw std::runtime_error("cannot start " + arguments.front());
}

NotifierProcess::~NotifierProcess() {
  kill_at_once();
  (void)wait_for_exit();
}

void NotifierProcess::kill_at_once() {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

void NotifierProcess::ask_to_stop() { kill(pid_, SIGTERM); }

int NotifierProcess::wait_for_exit() {
  int status = 0;
  if (pid_ <= 0) return 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

NotifierTest::NotifierTest() : connection_(loop_.run(pg::Connection::connect(loop_, blocking_, {database_.dsn()}, patience()))) {}

std::unique_ptr<NotifierProcess> NotifierTest::start_notifier(std::vector<std::string> flags, const std::string& dsn) {
  return std::make_unique<NotifierProcess>(dsn.empty() ? database_.dsn() : dsn, flags);
}

pg::Result NotifierTest::query(std::string_view sql) { return loop_.run(connection_->query(sql, {}, patience())); }

std::string NotifierTest::value(std::string_view sql) {
  const pg::Result result = query(sql);
  return result.one().is_null(0) ? "null" : result.one().get<std::string>(0);
}

void NotifierTest::wait_until(std::string_view sql) {
  const Deadline until = patience();
  bool holds = false;
  while (!holds && Clock::now() < until) {
    holds = value(sql) == "t";
    if (!holds) {
      auto pause = [](Loop& loop) -> Task<void> { (void)co_await loop.sleep(std::chrono::milliseconds(10)); };
      loop_.run(pause(loop_));
    }
  }
  EXPECT_TRUE(holds) << "not within 30 s: " << sql;
}

NotifierTest::Endpoint NotifierTest::subscribe(const std::string& url, const std::string& options, std::optional<std::string> secret) {
  const pg::Result result = loop_.run(connection_->query("select * from sluice.subscribe($1, '{*}', $2, $3)",
                                                         pg::Params().text(url).text(secret).jsonb_text(options), patience()));
  return {result.one().get<std::string>("endpoint_id"), result.one().get<std::string>("signing_secret")};
}

void NotifierTest::emit(int events, const std::string& key_prefix) {
  (void)query(fmt::format("select sluice.emit('test_event', '{}' || i, jsonb_build_object('n', i, 'name', 'Zoë')) from generate_series(1, {}) i",
                          key_prefix, events));
  fan_out();
}

void NotifierTest::fan_out() {
  (void)query("select sluice_private.run_webhooks(id, 10000) from sluice.event_consumers where kind = 'webhooks'");
}

}  // namespace sluice::notifier
