// What a daemon says of itself: /readyz and systemd's status line follow the database, /metrics has what its reference
// has.
#include <gmock/gmock.h>

#include <sstream>

#include "core/http/client.h"
#include "tests/fault/fault_fixture.h"
#include "tests/support/notify_socket.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

class ReadinessFault : public FaultTest, public testing::WithParamInterface<std::string> {
 protected:
  // The address that the daemon says it serves on.
  static std::string address_of(const DaemonProcess& daemon) {
    const std::string log = daemon.log();
    const std::string mark = "serving metrics and health address=";
    const auto at = log.find(mark) + mark.size();
    return log.substr(at, log.find('\n', at) - at);
  }

  http::Response get(const std::string& address, const std::string& path) {
    http::Request request;
    request.method = "GET";
    request.url = "http://" + address + path;
    return loop_.run(client_of_http_.send(std::move(request)));
  }
  http::Response readyz(const std::string& address) { return get(address, "/readyz"); }

  http::Response wait_for(const std::string& address, int status) {
    const Deadline until = Clock::now() + seconds(40);
    http::Response response = readyz(address);
    while (response.status != status && Clock::now() < until) {
      loop_.run(pause());
      response = readyz(address);
    }
    return response;
  }

 private:
  static http::ClientOptions allowing_loopback() {
    http::ClientOptions options;
    options.policy.allow_networks = {http::Network::parse("127.0.0.0/8")};
    return options;
  }
  Task<void> pause() { (void)co_await loop_.sleep(std::chrono::milliseconds(20)); }

  Loop loop_;
  http::Client client_of_http_{loop_, allowing_loopback()};
};

TEST_P(ReadinessFault, FollowsTheDatabase) {
  TcpProxy proxy(TestCluster::instance().port());
  DaemonProcess daemon(GetParam(), database_.dsn_through(proxy.port()), {"--metrics.listen", "127.0.0.1:0"});
  const std::string address = address_of(daemon);
  EXPECT_EQ(readyz(address).status, 200);

  proxy.refuse_connections();
  proxy.cut_connections();
  const http::Response away = wait_for(address, 503);
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.body, GetParam() + ": the database cannot be reached\n");

  proxy.accept_connections();
  EXPECT_EQ(wait_for(address, 200).body, GetParam() + ": ready\n");
}

// Nothing else runs then: a notifier's pump waits to be enrolled, and its doorbell waits for the pump.
TEST_P(ReadinessFault, FollowsTheDatabaseBeforeItIsEnrolled) {
  client_.run("begin; lock table sluice_private.processes in access exclusive mode");
  TcpProxy proxy(TestCluster::instance().port());
  DaemonProcess daemon(GetParam(), database_.dsn_through(proxy.port()), {"--metrics.listen", "127.0.0.1:0"});
  const std::string address = address_of(daemon);
  proxy.refuse_connections();
  proxy.cut_connections();
  EXPECT_EQ(wait_for(address, 503).status, 503);

  client_.run("rollback");
  proxy.accept_connections();
  EXPECT_EQ(wait_for(address, 200).body, GetParam() + ": ready\n");
}

TEST_P(ReadinessFault, TheStatusLineOfSystemdSaysThatTheDatabaseIsAway) {
  NotifySocket systemd;
  TcpProxy proxy(TestCluster::instance().port());
  const DaemonProcess daemon(GetParam(), database_.dsn_through(proxy.port()));
  const std::string status = "STATUS=" + GetParam() + ": ";
  EXPECT_THAT(systemd.read_until("READY=1"), HasSubstr(status + "ready\n"));

  proxy.refuse_connections();
  proxy.cut_connections();
  const std::string away = status + "the database cannot be reached";
  EXPECT_THAT(systemd.read_until(away), HasSubstr(away + "\n"));

  proxy.accept_connections();
  EXPECT_THAT(systemd.read_until(status + "ready"), HasSubstr(status + "ready\n"));
}

TEST_P(ReadinessFault, ItsMetricsAreThoseOfTheReference) {
  const DaemonProcess daemon(GetParam(), database_.dsn(), {"--metrics.listen", "127.0.0.1:0"});
  const std::string served = get(address_of(daemon), "/metrics").body;
  const std::string reference =
      run_command({std::string(SLUICE_BINARY_DIR) + "/bin/sluice", "reference", "metrics"}).output;

  std::string section;  // of this daemon, and of every daemon
  int rows = 0;
  std::istringstream pages(reference);
  for (std::string line, title; std::getline(pages, line);) {
    if (line.starts_with("## ")) title = line.substr(3);
    std::string own = GetParam();
    own[0] = static_cast<char>(std::toupper(own[0]));
    if (title != own && title != "Every daemon") continue;
    section += line + "\n";
    if (line.starts_with("| `")) ++rows;
  }
  std::istringstream lines(served);
  std::string help;
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, kind;
    words >> hash >> keyword >> name;
    if (keyword == "HELP") std::getline(words >> std::ws, help);
    if (keyword != "TYPE") continue;
    words >> kind;
    ++count;
    EXPECT_THAT(section, ContainsRegex(fmt::format("`{}` \\| {} \\|[^\n]*", name, kind))) << "not in the reference";
    EXPECT_THAT(section, HasSubstr("| " + help + " |\n"));
  }
  EXPECT_EQ(count, rows) << "the daemon does not serve all that the reference lists";
}

INSTANTIATE_TEST_SUITE_P(Daemons, ReadinessFault, testing::Values("listener", "worker", "notifier"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sluice::test
