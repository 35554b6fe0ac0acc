// The daemon frame as a process of its own: signals, exit codes, health and what systemd is told.
#include "core/service/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/base/errors.h"
#include "core/http/client.h"

namespace sluice {
namespace {

using testing::HasSubstr;

// Behaves as its name says.
class TestService : public Service {
 public:
  explicit TestService(std::string behaviour) : behaviour_(std::move(behaviour)) {}
  [[nodiscard]] std::string_view name() const override { return behaviour_; }

  Task<void> run(ServiceContext& context) override {
    if (behaviour_ == "refused") throw ConfigError("the schema is too old", "run 'sluice migrate'");
    if (behaviour_ == "broken") throw std::runtime_error("broken");
    if (behaviour_ == "brief") co_return;
    if (behaviour_ != "unready") context.health.ready();
    context.metrics.counter("sluice_test_runs_total", "Runs.").add();
    if (behaviour_ == "stubborn") {
      StopSource never;
      (void)co_await context.loop.sleep(std::chrono::hours(1), never.token());
    }
    (void)co_await context.loop.sleep(std::chrono::hours(1), context.stop);
  }

 private:
  std::string behaviour_;
};

class DaemonTest : public testing::Test {
 protected:
  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / ("daemon-" + std::to_string(getpid()));
  pid_t child = -1;
  FILE* log = nullptr;
  int notify = -1;
  std::vector<std::string> lines;

  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override {
    if (child > 0) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    if (log != nullptr) (void)std::fclose(log);
    if (notify >= 0) close(notify);
    std::filesystem::remove_all(folder);
  }

  void listen_as_systemd() {
    notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder / "notify";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(notify, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{10, 0};
    setsockopt(notify, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  void start(const std::vector<std::string>& behaviours, std::vector<std::string> arguments = {}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    arguments.insert(arguments.begin(), {"--metrics.listen", "127.0.0.1:0"});
    child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      dup2(ends[1], STDERR_FILENO);
      close(ends[0]);
      unsetenv("JOURNAL_STREAM");
      if (notify >= 0) {
        setenv("NOTIFY_SOCKET", (folder / "notify").c_str(), 1);
        setenv("WATCHDOG_USEC", "20000", 1);
        setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
      }
      std::vector<std::unique_ptr<Service>> services;
      services.reserve(behaviours.size());
      for (const std::string& behaviour : behaviours) services.push_back(std::make_unique<TestService>(behaviour));
      _exit(run_daemon("sluice-test", read_command_line(arguments, {}, {}), std::move(services)));
    }
    close(ends[1]);
    log = fdopen(ends[0], "r");
  }

  // The next line of the log that contains `text`; "" when the log ends before.
  std::string wait_for_log(const std::string& text) {
    char* line = nullptr;
    std::size_t size = 0;
    std::string found;
    while (found.empty() && getline(&line, &size, log) > 0) {
      lines.emplace_back(line);
      if (lines.back().find(text) != std::string::npos) found = lines.back();
    }
    free(line);
    return found;
  }

  std::string wait_for_address() {
    const std::string line = wait_for_log("serving metrics");
    const auto at = line.find("127.0.0.1:");
    return at == std::string::npos ? "" : line.substr(at, line.find_first_not_of("0123456789.:", at) - at);
  }

  // The next datagram to systemd that contains `text`.
  std::string wait_for_notify(const std::string& text) const {
    while (true) {
      char buffer[4096];
      const ssize_t size = recv(notify, buffer, sizeof buffer, 0);
      if (size < 0) return "";
      std::string message(buffer, static_cast<std::size_t>(size));
      if (message.find(text) != std::string::npos) return message;
    }
  }

  int exit_code() {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    child = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  static http::Response get(const std::string& address, const std::string& path) {
    Loop loop;
    http::ClientOptions options;
    options.policy.allow_networks = {http::Network::parse("127.0.0.0/8")};
    http::Client client(loop, options);
    http::Request request;
    request.method = "GET";
    request.url = "http://" + address + path;
    return loop.run(client.send(std::move(request)));
  }
};

TEST_F(DaemonTest, ServesHealthAndStopsWithZeroOnSigterm) {
  start({"first", "second"});
  const std::string address = wait_for_address();
  EXPECT_NE(wait_for_log("ready"), "");
  const http::Response ready = get(address, "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.body, "first: ready\nsecond: ready\n");
  EXPECT_EQ(get(address, "/healthz").status, 200);
  const http::Response metrics = get(address, "/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("sluice_test_runs_total 2\n"));
  EXPECT_THAT(metrics.body, HasSubstr("sluice_process_resident_bytes"));
  EXPECT_THAT(metrics.content_type, HasSubstr("version=0.0.4"));
  kill(child, SIGTERM);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, IsNotReadyWhileAnyServiceIsNot) {
  start({"first", "unready"});
  const std::string address = wait_for_address();
  wait_for_log("not ready");
  const http::Response ready = get(address, "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "first: ready\nunready: starting\n");
  kill(child, SIGINT);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, AFailingServiceEndsTheProcessWithItsExitCode) {
  start({"first", "refused"});
  const std::string line = wait_for_log("service failed");
  EXPECT_THAT(line, HasSubstr("the schema is too old"));
  EXPECT_THAT(line, HasSubstr("sluice migrate"));
  EXPECT_EQ(exit_code(), 78);
}

TEST_F(DaemonTest, AnUnexpectedExceptionIsAFailure) {
  start({"broken"});
  EXPECT_EQ(exit_code(), 1);
}

TEST_F(DaemonTest, AServiceThatEndsTakesTheOthersAlong) {
  start({"first", "brief"});
  EXPECT_NE(wait_for_log("ended by itself"), "");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, WaitsNoLongerThanTheShutdownTimeout) {
  start({"stubborn"}, {"--daemon.shutdown_timeout", "20ms"});
  wait_for_log("ready");
  kill(child, SIGTERM);
  EXPECT_NE(wait_for_log("did not stop in time"), "");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, ASecondSignalEndsItAtOnce) {
  start({"stubborn"}, {"--daemon.shutdown_timeout", "1h"});
  wait_for_log("ready");
  kill(child, SIGTERM);
  EXPECT_NE(wait_for_log("stopping"), "");
  kill(child, SIGTERM);
  EXPECT_EQ(exit_code(), 1);
}

TEST_F(DaemonTest, SighupReadsTheConfigurationAgain) {
  const std::string file = folder / "sluice.toml";
  std::ofstream(file) << "[log]\nformat = \"text\"\n";
  start({"first"}, {"--config", file});
  wait_for_log("ready");
  std::ofstream(file) << "[log]\nformat = \"json\"\n[worker]\nconcurrency = 5\n";
  kill(child, SIGHUP);
  EXPECT_THAT(wait_for_log("configuration read again"), HasSubstr("{\""));
  EXPECT_THAT(wait_for_log("needs a restart"), HasSubstr("worker.concurrency"));
  std::ofstream(file) << "[log]\nformat = \"xml\"\n";
  kill(child, SIGHUP);
  EXPECT_THAT(wait_for_log("not read again"), HasSubstr("sluice.toml:2: log.format must be one of text, json"));
  kill(child, SIGTERM);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, TellsSystemdHowThingsStand) {
  listen_as_systemd();
  start({"first"});
  EXPECT_EQ(wait_for_notify("STATUS="), "STATUS=first: ready");
  EXPECT_EQ(wait_for_notify("READY=1"), "READY=1");
  EXPECT_EQ(wait_for_notify("WATCHDOG=1"), "WATCHDOG=1");
  EXPECT_EQ(wait_for_notify("WATCHDOG=1"), "WATCHDOG=1");
  kill(child, SIGHUP);
  EXPECT_EQ(wait_for_notify("RELOADING=1"), "RELOADING=1");
  EXPECT_EQ(wait_for_notify("READY=1"), "READY=1");
  kill(child, SIGTERM);
  EXPECT_EQ(wait_for_notify("STOPPING=1"), "STOPPING=1");
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(DaemonTest, AnAddressThatIsTakenIsAnErrorWithAHint) {
  start({"first"});
  const std::string address = wait_for_address();
  const pid_t first = std::exchange(child, -1);
  FILE* first_log = std::exchange(log, nullptr);
  start({"second"}, {"--metrics.listen", address});
  const std::string line = wait_for_log("cannot run");
  EXPECT_THAT(line, HasSubstr("cannot listen on '" + address + "'"));
  EXPECT_THAT(line, HasSubstr("metrics.listen"));
  EXPECT_EQ(exit_code(), 1);
  (void)std::fclose(first_log);
  kill(first, SIGKILL);
  waitpid(first, nullptr, 0);
}

}  // namespace
}  // namespace sluice
