#include <gtest/gtest.h>

#include <csignal>

#include "core/http/client.h"
#include "tests/unit/http/tls_server.h"

namespace sluice::http {
namespace {

// Every name is this machine.
class Here : public Resolver {
 public:
  Task<Resolution> resolve(std::string /*host*/, Deadline /*deadline*/, StopToken /*stop*/) override {
    co_return Resolution{Resolution::Outcome::kFound, {Address::v4(0x7f000001)}};
  }
};

struct ClientTlsTest : testing::Test {
  Loop loop;
  Identity authority{"test authority", nullptr, true};
  std::filesystem::path ca_file =
      std::filesystem::path(testing::TempDir()) / ("ca-" + std::to_string(getpid()) + ".pem");

  void SetUp() override {
    (void)std::signal(SIGPIPE, SIG_IGN);  // the server's side of a refused handshake
    std::ofstream(ca_file) << authority.certificate_pem();
  }
  void TearDown() override { std::filesystem::remove(ca_file); }

  Client client(bool trust = true) {
    ClientOptions options;
    options.policy.allow_networks = {Network::parse("127.0.0.0/8")};
    if (trust) options.ca_file = ca_file;
    return {loop, options, std::make_unique<Here>()};
  }
  Response send(Client& with, const TlsServer& server, std::shared_ptr<ClientCertificate> certificate = nullptr) {
    Request request;
    request.method = "GET";
    request.url = "https://receiver.example:" + std::to_string(server.port()) + "/";
    request.certificate = std::move(certificate);
    return loop.run(with.send(std::move(request)));
  }
};

TEST_F(ClientTlsTest, TrustsTheCaFileAndKeepsTheConnection) {
  const TlsServer server(Identity("receiver.example", &authority));
  Client trusting = client();
  EXPECT_EQ(send(trusting, server).status, 200);
  EXPECT_TRUE(send(trusting, server).reused_connection);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTlsTest, RefusesCertificatesThatProveNothing) {
  const Identity stranger("stranger", nullptr, true);
  const Identity identities[] = {
      Identity("receiver.example"),                            // signed by itself
      Identity("receiver.example", &stranger),                 // by somebody else
      Identity("other.example", &authority),                   // for another name
      Identity("receiver.example", &authority, false, -3600),  // expired
  };
  for (const Identity& identity : identities) {
    const TlsServer server(identity);
    Client trusting = client();
    const Response response = send(trusting, server);
    EXPECT_EQ(response.failure, Failure::kTls);
    EXPECT_EQ(response.status, 0);
  }
  const TlsServer good(Identity("receiver.example", &authority));
  Client by_system = client(false);
  EXPECT_EQ(send(by_system, good).failure, Failure::kTls);
}

TEST_F(ClientTlsTest, AHandshakeThatStallsTimesOut) {
  RawServer server([](Peer& peer) { peer.wait_until_closed(); });
  Client trusting = client();
  Request request;
  request.url = "https://receiver.example:" + std::to_string(server.port()) + "/";
  request.timeout = std::chrono::milliseconds(100);
  EXPECT_EQ(loop.run(trusting.send(std::move(request))).failure, Failure::kTimeout);
}

TEST_F(ClientTlsTest, ClientCertificatesAreShownAndNeverShared) {
  const TlsServer server(Identity("receiver.example", &authority), &authority);
  Client trusting = client();
  EXPECT_EQ(send(trusting, server).failure, Failure::kReset) << "the server refuses after the handshake in TLS 1.3";
  for (const char* name : {"tenant-a", "tenant-b", "tenant-a"}) {
    const Identity tenant(name, &authority);
    const auto certificate = std::make_shared<ClientCertificate>(tenant.certificate_pem(), tenant.key_pem());
    const Response response = send(trusting, server, certificate);
    EXPECT_EQ(response.body, name);
    EXPECT_FALSE(response.reused_connection);
  }
  const auto broken = std::make_shared<ClientCertificate>("no certificate", "no key");
  EXPECT_EQ(send(trusting, server, broken).failure, Failure::kResource);
  EXPECT_NE(send(trusting, server).status, 200) << "a later request must not come with another's certificate";
}

}  // namespace
}  // namespace sluice::http
