// Receivers behind TLS: who is trusted, who is shown which certificate, and one connection for many requests.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

#include "tests/notifier/notifier_fixture.h"
#include "tests/support/command.h"
#include "tests/unit/http/tls_server.h"

namespace sluice::notifier {
namespace {

using http::Identity;
using http::TlsServer;

class TlsTest : public NotifierTest {
 protected:
  TlsTest() : folder_(testing::TempDir() + "notifier-tls-" + std::to_string(getpid())) {
    (void)std::signal(SIGPIPE, SIG_IGN);  // the server's side of a refused handshake
    std::filesystem::create_directories(folder_);
    write("ca.pem", authority_.certificate_pem());
  }
  ~TlsTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  [[nodiscard]] std::unique_ptr<test::DaemonProcess> start() const {
    return start_notifier({"--http.ca_file", folder_ + "/ca.pem", "--secrets.directory", folder_});
  }
  static std::string url(int port) { return "https://localhost:" + std::to_string(port) + "/hook"; }
  std::string outcome(const Endpoint& endpoint) {
    return value(
        "select concat_ws(' ', outcome, status, error_class) from sluice.webhook_attempts where endpoint_id = '" +
        endpoint.id + "'");
  }

  std::string folder_;
  Identity authority_{"test authority", nullptr, true};
};

TEST_F(TlsTest, OnlyACertificateOfATrustedAuthorityForThatNameIsGood) {
  const Identity stranger("stranger", nullptr, true);
  const TlsServer good(Identity("localhost", &authority_));
  const TlsServer self_signed(Identity("localhost"));
  const TlsServer of_a_stranger(Identity("localhost", &stranger));
  const TlsServer wrong_name(Identity("other.example", &authority_));
  const TlsServer expired(Identity("localhost", &authority_, false, -3600));
  http::RawServer stalled([](http::Peer& peer) { peer.wait_until_closed(); });
  const auto once = [this](int port) { return subscribe(url(port), R"({"timeout": 1, "retry_schedule": [0]})"); };
  const Endpoint trusted = once(good.port());
  const std::vector<Endpoint> refused = {once(self_signed.port()), once(of_a_stranger.port()), once(wrong_name.port()),
                                         once(expired.port())};
  const Endpoint silent = once(stalled.port());
  const auto notifier = start();
  emit(1);
  wait_until("select count(*) = 0 from sluice.webhook_deliveries");
  EXPECT_EQ(outcome(trusted), "delivered 200");
  for (const Endpoint& endpoint : refused) EXPECT_EQ(outcome(endpoint), "dead tls");
  EXPECT_EQ(outcome(silent), "dead timeout");
}

TEST_F(TlsTest, AnEndpointIsShownItsOwnClientCertificateAndNoOthers) {
  for (const char* name : {"tenant-a", "tenant-b"}) {
    const Identity tenant(name, &authority_);
    write(name, tenant.certificate_pem() + tenant.key_pem());
  }
  const TlsServer server(Identity("localhost", &authority_), &authority_);  // answers with the certificate's name
  const Endpoint a = subscribe(url(server.port()), R"({"client_certificate": "tenant-a"})");
  const Endpoint b = subscribe(url(server.port()), R"({"client_certificate": "tenant-b"})");
  const Endpoint none = subscribe(url(server.port()), R"({"retry_schedule": [0]})");
  const Endpoint missing = subscribe(url(server.port()), R"({"client_certificate": "tenant-c"})");
  const auto notifier = start();
  emit(3);
  wait_until("select count(*) = 6 from sluice.webhook_attempts where outcome = 'delivered'");
  const auto shown = [this](const Endpoint& endpoint) {
    return value(
        "select string_agg(distinct convert_from(response, 'UTF8'), ',') from sluice.webhook_attempts where "
        "outcome = 'delivered' and endpoint_id = '" +
        endpoint.id + "'");
  };
  EXPECT_EQ(shown(a), "tenant-a");
  EXPECT_EQ(shown(b), "tenant-b");
  EXPECT_EQ(shown(none), "null");
  wait_for_log(*notifier, "there is no secret tenant-c");
  EXPECT_EQ(value("select count(*) from sluice.webhook_attempts where endpoint_id = '" + missing.id + "'"), "0")
      << "a fault of ours spends no attempt";
}

TEST_F(TlsTest, RequestsToAnHttp2ReceiverShareAConnection) {
  const Identity server("localhost", &authority_);
  const std::string port_file = folder_ + "/port";
  constexpr int kRequests = 48;
  auto receiver = std::async(std::launch::async, [&] {
    return test::run_command({"node", std::string(SLUICE_SOURCE_DIR) + "/tests/node/http2_receiver.mjs",
                              write("server.pem", server.certificate_pem()), write("server.key", server.key_pem()),
                              port_file, std::to_string(kRequests)});
  });
  wait_for([&] { return std::filesystem::exists(port_file); }, "the receiver's port");
  int port = 0;
  std::ifstream(port_file) >> port;
  subscribe(url(port), R"({"max_in_flight": 8})");
  const auto notifier = start();
  emit(kRequests);
  const test::CommandResult result = receiver.get();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "connections 1, streams at once 8\n");
  wait_until("select count(*) = 48 from sluice.webhook_attempts where outcome = 'delivered'");
}

}  // namespace
}  // namespace sluice::notifier
