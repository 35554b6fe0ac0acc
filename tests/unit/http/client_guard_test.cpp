// What the client refuses, and that it refuses before a packet is sent.
#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "tests/unit/http/client_fixture.h"

namespace sluice::http {
namespace {

struct ClientGuardTest : ClientTest {};

TEST_F(ClientGuardTest, RefusesALiteralAddressBeforeAnyPacketIsSent) {
  RawServer server([](Peer& peer) { peer.reply(200, ""); });
  Client client(loop, ClientOptions{});
  for (const char* host : {"127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "①②⑦.0.0.1"}) {
    Request request;
    request.url = "http://" + std::string(host) + ":" + std::to_string(server.port()) + "/";
    const Response response = send(client, std::move(request));
    EXPECT_EQ(response.failure, Failure::kRefusedAddress) << host;
    EXPECT_TRUE(response.refusal.starts_with("loopback: ")) << response.refusal;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(ClientGuardTest, RefusesANameIfAnyOfItsAddressesIsDenied) {
  RawServer server([](Peer& peer) { peer.reply(200, ""); });
  auto stub = std::make_unique<StubResolver>();
  stub->answers = {{"127.0.0.1", "10.0.0.1"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://two.example:" + std::to_string(server.port()) + "/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kRefusedAddress);
  EXPECT_EQ(response.refusal, "private_network: the name leads to an address that is not allowed");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(ClientGuardTest, ConnectsToTheJudgedAddressAndAsksForNoOther) {
  RawServer server([](Peer& peer) {
    const std::string request = peer.read_request();
    EXPECT_NE(request.find("\r\nHost: receiver.example:"), std::string::npos) << request;
    peer.reply(200, "");
  });
  auto stub = std::make_unique<StubResolver>();
  StubResolver& resolver = *stub;
  stub->answers = {{"127.0.0.1"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://Receiver.example.:" + std::to_string(server.port()) + "/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.address, "127.0.0.1");
  EXPECT_EQ(resolver.calls, 1);
}

TEST_F(ClientGuardTest, ARebindingNameIsRefusedAtTheAttemptThatSeesIt) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reply(200, "", "connection: close\r\n");
  });
  auto stub = std::make_unique<StubResolver>();
  stub->answers = {{"127.0.0.1"}, {"169.254.169.254"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://rebind.example:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(send(client, request).status, 200);
  const Response second = send(client, request);
  EXPECT_EQ(second.failure, Failure::kRefusedAddress);
  EXPECT_TRUE(second.refusal.starts_with("link_local: ")) << second.refusal;
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientGuardTest, TheSocketIsJudgedEvenWhenTheAnswerWasNot) {
  // The guard learns of a denied target after the name was judged: only the open-socket callback can still see it.
  RawServer server([](Peer& peer) { peer.reply(200, ""); });
  class Late : public Resolver {
   public:
    Client* client = nullptr;
    std::uint16_t port = 0;
    Task<Resolution> resolve(std::string /*host*/, Deadline /*deadline*/, StopToken /*stop*/) override {
      co_return Resolution{Resolution::Outcome::kFound, {*Address::from_numeric("127.0.0.1")}};
    }
  };
  auto late = std::make_unique<Late>();
  Client client(loop, open_to_loopback(), std::move(late));
  auto body = [&]() -> Task<void> {
    TaskScope scope(loop);
    auto refused = [](Client& with, std::string url) -> Task<void> {
      Request request;
      request.url = std::move(url);
      const Response response = co_await with.send(std::move(request));
      EXPECT_EQ(response.failure, Failure::kRefusedAddress);
      EXPECT_EQ(response.refusal, "own_service: the name leads to an address that is not allowed");
    };
    scope.spawn(refused(client, "http://late.example:" + std::to_string(server.port()) + "/"));
    client.guard().deny({Address::v4(0x7f000001), server.port()});  // judged already, not yet connected
    co_await scope.join();
  };
  loop.run(body());
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(ClientGuardTest, LocalhostIsThisMachineWithoutAskingAnyone) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reply(200, "");
  });
  auto stub = std::make_unique<StubResolver>();
  stub->answers = {{"8.8.8.8"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://localhost:" + std::to_string(server.port()) + "/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.address, "127.0.0.1");
}

TEST_F(ClientGuardTest, SingleLabelNamesMustLeadToAnAllowedNetwork) {
  auto stub = std::make_unique<StubResolver>();
  stub->answers = {{"8.8.8.8"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://intranet/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kRefusedAddress);
  EXPECT_TRUE(response.refusal.starts_with("local_name: ")) << response.refusal;
}

TEST_F(ClientGuardTest, UnknownNamesAreDnsFailures) {
  Client client(loop, open_to_loopback(), std::make_unique<StubResolver>());
  Request request;
  request.url = "http://nowhere.example/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kDns);
  EXPECT_EQ(response.refusal, "");
}

TEST_F(ClientGuardTest, RefusesHeadersAndMethodsThatBelongToOthers) {
  Client client(loop, open_to_loopback(), std::make_unique<StubResolver>());
  Request request;
  request.url = "http://receiver.example/";
  for (const Header& header :
       {Header{"Host", "x"}, Header{"webhook-id", "x"}, Header{"x", "a\r\nb: c"}, Header{"a b", "x"}}) {
    Request custom = request;
    custom.custom_headers = {header};
    EXPECT_EQ(send(client, custom).failure, Failure::kRefusedRequest) << header.name;
  }
  Request ours = request;
  ours.headers = {{"x-correlation", "a\nb"}};
  EXPECT_EQ(send(client, ours).failure, Failure::kRefusedRequest);
  for (const char* method : {"CONNECT", "TRACE", "GET /", "get", ""}) {
    Request odd = request;
    odd.method = method;
    EXPECT_EQ(send(client, odd).failure, Failure::kRefusedRequest) << method;
  }
}

TEST_F(ClientGuardTest, AnUnreadableCaFileIsBadConfiguration) {
  ClientOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  EXPECT_THROW(Client(loop, options), ConfigError);
}

}  // namespace
}  // namespace sluice::http
