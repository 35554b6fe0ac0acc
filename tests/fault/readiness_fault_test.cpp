// /readyz follows the database: 503 with the reason while it cannot be reached, 200 again when it can.
#include "core/http/client.h"
#include "tests/fault/fault_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace sluice::test {
namespace {

class ReadinessFault : public FaultTest, public testing::WithParamInterface<std::string> {
 protected:
  // The address that the daemon says it serves on.
  static std::string address_of(const DaemonProcess& daemon) {
    const std::string log = daemon.log();
    const std::string mark = "serving metrics and health address=";
    const auto at = log.find(mark) + mark.size();
    return log.substr(at, log.find('\n', at) - at);
  }

  http::Response readyz(const std::string& address) {
    http::Request request;
    request.method = "GET";
    request.url = "http://" + address + "/readyz";
    return loop_.run(client_of_http_.send(std::move(request)));
  }

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

INSTANTIATE_TEST_SUITE_P(Daemons, ReadinessFault, testing::Values("listener", "worker", "notifier"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sluice::test
