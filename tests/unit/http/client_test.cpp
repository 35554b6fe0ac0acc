#include "core/http/client.h"

#include <gtest/gtest.h>

#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "tests/unit/http/raw_server.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

class StubResolver : public Resolver {
 public:
  std::vector<std::vector<std::string>> answers;  // one for each call, the last again and again; none: the name is unknown
  int calls = 0;

  Task<Resolution> resolve(std::string /*host*/, Deadline /*deadline*/, StopToken /*stop*/) override {
    calls += 1;
    if (answers.empty()) co_return Resolution{Resolution::Outcome::kNotFound, {}};
    Resolution found{Resolution::Outcome::kFound, {}};
    for (const auto& text : answers.front()) found.addresses.push_back(*Address::from_numeric(text));
    if (answers.size() > 1) answers.erase(answers.begin());
    co_return found;
  }
};

struct ClientTest : testing::Test {
  Loop loop;

  static ClientOptions open_to_loopback() {
    ClientOptions options;
    options.policy.allow_networks = {Network::parse("127.0.0.0/8")};
    return options;
  }

  Response send(Client& client, Request request) { return loop.run(client.send(std::move(request))); }
  Response send(Request request) {
    Client client(loop, open_to_loopback());
    return send(client, std::move(request));
  }
  Response post(const RawServer& server, milliseconds timeout = milliseconds(5000)) {
    Request request;
    request.url = server.url();
    request.body = "{}";
    request.timeout = timeout;
    return send(std::move(request));
  }
};

TEST_F(ClientTest, SendsTheRequestAsGivenAndNothingElse) {
  std::string seen;
  RawServer server([&](Peer& peer) {
    seen = peer.read_request();
    peer.reply(200, "yes", "Content-Type: text/plain \r\nRetry-After: 7\r\nwebhook-delivery: disable\r\n");
  });
  Request request;
  request.url = server.url("/hook?a=1");
  request.body = "{\"a\":1}";
  request.headers = {{"content-type", "application/json"}, {"webhook-id", "msg_1"}, {"x-empty", ""}};
  request.custom_headers = {{"X-Tenant", "t"}, {"Content-Type", "application/vnd.x+json"}};
  const Response response = send(std::move(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.failure, Failure::kNone);
  EXPECT_EQ(response.body, "yes");
  EXPECT_FALSE(response.cut);
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_EQ(response.retry_after, "7");
  EXPECT_EQ(response.webhook_delivery, "disable");
  EXPECT_EQ(response.address, "127.0.0.1");
  EXPECT_EQ(seen, "POST /hook?a=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                      "\r\nUser-Agent: sluice/" SLUICE_VERSION
                      "\r\nwebhook-id: msg_1\r\nx-empty:\r\nX-Tenant: t\r\nContent-Type: application/vnd.x+json"
                      "\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_F(ClientTest, MethodsDoNotLeakIntoTheNextRequestOfAHandle) {
  std::vector<std::string> lines;
  RawServer server([&](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      lines.push_back(request.substr(0, request.find(' ')) + "|" + request.substr(request.find("\r\n\r\n") + 4));
      peer.reply(200, request.starts_with("HEAD") ? "" : "ok");
    }
  });
  Client client(loop, open_to_loopback());
  const std::vector<std::pair<std::string, std::string>> sent{{"PUT", "put"}, {"GET", ""},    {"DELETE", "gone"}, {"HEAD", ""},
                                                              {"POST", ""},   {"OPTIONS", ""}, {"PATCH", "p"},     {"GET", ""}};
  for (const auto& [method, body] : sent) {
    Request request;
    request.method = method;
    request.url = server.url();
    request.body = body;
    EXPECT_EQ(send(client, std::move(request)).status, 200) << method;
  }
  ASSERT_EQ(lines.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(lines[i], sent[i].first + "|" + sent[i].second);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTest, KeepsConnectionsAliveAndSaysSo) {
  RawServer server([](Peer& peer) {
    while (!peer.read_request().empty()) peer.reply(204, "");
  });
  Client client(loop, open_to_loopback());
  for (int i = 0; i < 5; ++i) {
    Request request;
    request.url = server.url();
    const Response response = send(client, std::move(request));
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.reused_connection, i > 0);
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTest, RequestsWithAClientCertificateShareNoConnection) {
  RawServer server([](Peer& peer) {
    while (!peer.read_request().empty()) peer.reply(204, "");
  });
  Client client(loop, open_to_loopback());
  for (int i = 0; i < 3; ++i) {
    Request request;
    request.url = server.url();
    request.certificate = std::make_shared<ClientCertificate>();
    EXPECT_EQ(send(client, std::move(request)).status, 204);
  }
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(ClientTest, HundredsAreInFlightTogether) {
  std::atomic<int> waiting = 0;
  RawServer server([&](Peer& peer) {
    if (peer.read_request().empty()) return;
    waiting += 1;
    while (waiting < 200) std::this_thread::yield();  // answers only when all have come
    peer.reply(200, "ok");
  });
  Client client(loop, open_to_loopback());
  int good = 0;
  auto one = [](Client& with, std::string url, int& count) -> Task<void> {
    Request request;
    request.url = std::move(url);
    const Response response = co_await with.send(std::move(request));
    count += response.is_2xx() ? 1 : 0;
  };
  auto all = [&]() -> Task<void> {
    TaskScope scope(loop);
    for (int i = 0; i < 200; ++i) scope.spawn(one(client, server.url(), good));
    co_await scope.join();
  };
  loop.run(all());
  EXPECT_EQ(good, 200);
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST_F(ClientTest, AStopOrADestroyedTaskAbortsTheRequest) {
  std::atomic<int> closed = 0;
  RawServer server([&](Peer& peer) {
    peer.read_request();
    peer.wait_until_closed();
    closed += 1;
  });
  Client client(loop, open_to_loopback());
  StopSource stop;
  auto body = [&]() -> Task<void> {
    Request request;
    request.url = server.url();
    TaskScope scope(loop);
    auto abandoned = [](Client& with, Request wanted) -> Task<void> { (void)co_await with.send(std::move(wanted)); };
    auto stopped = [](Client& with, Request wanted, StopToken token) -> Task<void> {
      const Response response = co_await with.send(std::move(wanted), token);
      EXPECT_EQ(response.failure, Failure::kStopped);
    };
    {
      TaskScope cancelled(loop);
      cancelled.spawn(abandoned(client, request));
      (void)co_await loop.sleep(milliseconds(20));
      EXPECT_EQ(client.in_flight(), 1U);
    }
    EXPECT_EQ(client.in_flight(), 0U);
    scope.spawn(stopped(client, request, stop.token()));
    (void)co_await loop.sleep(milliseconds(20));
    stop.request_stop();
    co_await scope.join();
  };
  loop.run(body());
  while (closed < server.connections()) std::this_thread::yield();
}

// --- Receivers that misbehave -------------------------------------------------------------------------------------------------

TEST_F(ClientTest, AReceiverThatNeverAnswersTimesOut) {
  RawServer server([](Peer& peer) { peer.wait_until_closed(); });
  const Response response = post(server, milliseconds(100));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_EQ(response.status, 0);
  EXPECT_GE(response.duration, milliseconds(100));
  EXPECT_LT(response.duration, milliseconds(3000));
}

TEST_F(ClientTest, HeadersThatTrickleInTimeOut) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nx-slow: ");
    while (peer.write("y")) std::this_thread::sleep_for(milliseconds(10));
  });
  const Response response = post(server, milliseconds(150));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_EQ(response.status, 0);
}

TEST_F(ClientTest, ABodyThatTricklesInKeepsItsStatus) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    while (peer.write("y")) std::this_thread::sleep_for(milliseconds(10));
  });
  const Response response = post(server, milliseconds(150));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_TRUE(response.is_2xx());
  EXPECT_TRUE(response.cut);
}

TEST_F(ClientTest, AnEndlessBodyIsCutAndTheConnectionClosed) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.write(std::string(65536, 'x'))) {
    }
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kNone);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.cut);
  EXPECT_EQ(response.body, std::string(16384, 'x'));
}

TEST_F(ClientTest, ABodyAtTheLimitIsNotCut) {
  RawServer server([](Peer& peer) {
    while (!peer.read_request().empty()) peer.reply(200, std::string(100, 'x'));
  });
  Client client(loop, open_to_loopback());
  for (const std::size_t keep : {std::size_t{99}, std::size_t{100}, std::size_t{0}}) {
    Request request;
    request.url = server.url();
    request.keep_body = keep;
    const Response response = send(client, std::move(request));
    EXPECT_EQ(response.body.size(), keep);
    EXPECT_EQ(response.cut, keep < 100);
  }
  EXPECT_EQ(server.connections(), 1) << "what is dropped is read, so that the connection can be used again";
}

TEST_F(ClientTest, CompressedAndBinaryBodiesAreKeptAsBytes) {
  const std::string bytes("\x1f\x8b\x08\x00\x00\xff\xfe\xc3\x28", 9);
  RawServer server([&](Peer& peer) {
    const std::string request = peer.read_request();
    EXPECT_EQ(request.find("ccept-"), std::string::npos);
    peer.reply(200, bytes, "Content-Encoding: gzip\r\n");
  });
  EXPECT_EQ(post(server).body, bytes);
}

TEST_F(ClientTest, AResetInTheBodyKeepsTheStatusAndIsReported) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\nhalf");
    peer.reset();
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kReset);
  EXPECT_TRUE(response.is_2xx());
  EXPECT_TRUE(response.cut);
}

TEST_F(ClientTest, AResetBeforeAnyAnswerIsReported) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reset();
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kReset);
  EXPECT_EQ(response.status, 0);
}

TEST_F(ClientTest, AContentLengthThatPromisesTooMuchIsAReset) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kReset);
  EXPECT_EQ(response.body, "12345");
}

TEST_F(ClientTest, AContentLengthThatPromisesTooLittleEndsTheConnection) {
  RawServer server([](Peer& peer) {
    for (std::string request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      peer.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345HTTP/1.1 500 smuggled\r\n\r\n");
    }
  });
  Client client(loop, open_to_loopback());
  for (int i = 0; i < 3; ++i) {
    Request request;
    request.url = server.url();
    const Response response = send(client, std::move(request));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "12345");
  }
}

TEST_F(ClientTest, AFewInterimResponsesArePassedOver) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n");
    peer.reply(202, "ok");
  });
  const Response response = post(server);
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.retry_after, "") << "only the final response's headers count";
}

TEST_F(ClientTest, AStormOfInterimResponsesIsEnded) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    while (peer.write("HTTP/1.1 100 Continue\r\n\r\n")) {
    }
  });
  EXPECT_EQ(post(server).failure, Failure::kTooLarge);
}

TEST_F(ClientTest, ManyOrLongHeadersAreTooLarge) {
  for (const bool one_line : {true, false}) {
    RawServer server([one_line](Peer& peer) {
      peer.read_request();
      std::string headers;
      if (one_line) headers = "x: " + std::string(65536, 'x') + "\r\n";
      while (headers.size() < 65536) headers += "x-header: some value\r\n";
      peer.reply(200, "ok", headers);
      peer.wait_until_closed();
    });
    EXPECT_EQ(post(server).failure, Failure::kTooLarge) << one_line;
  }
}

TEST_F(ClientTest, RedirectsAreAnswersAndNeverFollowed) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reply(302, "", "Location: http://169.254.169.254/latest/meta-data/\r\n");
  });
  const Response response = post(server);
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.failure, Failure::kNone);
  EXPECT_FALSE(response.is_2xx());
  EXPECT_EQ(response.address, "127.0.0.1");
}

TEST_F(ClientTest, GarbageIsAProtocolError) {
  for (const std::string_view garbage : {"\x16\x03\x01 hello\n\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 200 OK\r\n\r\n"}) {
    RawServer server([garbage](Peer& peer) {
      peer.read_request();
      peer.write(garbage);
    });
    const Response response = post(server);
    EXPECT_EQ(response.failure, Failure::kProtocol) << garbage;
    EXPECT_EQ(response.status, 0);
  }
}

TEST_F(ClientTest, AClosedPortIsAConnectError) {
  std::uint16_t port = 0;
  { port = RawServer([](Peer&) {}).port(); }
  Request request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  EXPECT_EQ(send(std::move(request)).failure, Failure::kConnect);
}

TEST_F(ClientTest, PlainTextWhereTlsIsExpectedIsATlsError) {
  RawServer server([](Peer& peer) { peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  Request request;
  request.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(send(std::move(request)).failure, Failure::kTls);
}

TEST_F(ClientTest, OutOfDescriptorsIsOurOwnFault) {
  RawServer server([](Peer& peer) { peer.wait_until_closed(); });
  Client client(loop, open_to_loopback());
  std::vector<int> taken;
  for (int fd = dup(0); fd >= 0; fd = dup(0)) taken.push_back(fd);
  Request request;
  request.url = server.url();
  const Response response = send(client, std::move(request));
  for (const int fd : taken) close(fd);
  EXPECT_EQ(response.failure, Failure::kResource);
}

// --- The guard ----------------------------------------------------------------------------------------------------------------

TEST_F(ClientTest, RefusesALiteralAddressBeforeAnyPacketIsSent) {
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

TEST_F(ClientTest, RefusesANameIfAnyOfItsAddressesIsDenied) {
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

TEST_F(ClientTest, ConnectsToTheJudgedAddressAndAsksForNoOther) {
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

TEST_F(ClientTest, ARebindingNameIsRefusedAtTheAttemptThatSeesIt) {
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

TEST_F(ClientTest, TheSocketIsJudgedEvenWhenTheAnswerWasNot) {
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

TEST_F(ClientTest, LocalhostIsThisMachineWithoutAskingAnyone) {
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

TEST_F(ClientTest, SingleLabelNamesMustLeadToAnAllowedNetwork) {
  auto stub = std::make_unique<StubResolver>();
  stub->answers = {{"8.8.8.8"}};
  Client client(loop, open_to_loopback(), std::move(stub));
  Request request;
  request.url = "http://intranet/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kRefusedAddress);
  EXPECT_TRUE(response.refusal.starts_with("local_name: ")) << response.refusal;
}

TEST_F(ClientTest, UnknownNamesAreDnsFailures) {
  Client client(loop, open_to_loopback(), std::make_unique<StubResolver>());
  Request request;
  request.url = "http://nowhere.example/";
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kDns);
  EXPECT_EQ(response.refusal, "");
}

TEST_F(ClientTest, RefusesHeadersAndMethodsThatBelongToOthers) {
  Client client(loop, open_to_loopback(), std::make_unique<StubResolver>());
  Request request;
  request.url = "http://receiver.example/";
  for (const Header& header : {Header{"Host", "x"}, Header{"webhook-id", "x"}, Header{"x", "a\r\nb: c"}, Header{"a b", "x"}}) {
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

TEST_F(ClientTest, AnUnreadableCaFileIsBadConfiguration) {
  ClientOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  EXPECT_THROW(Client(loop, options), ConfigError);
}

TEST(Failure, EveryFailureHasAName) {
  for (int i = 1; i <= static_cast<int>(Failure::kStopped); ++i) EXPECT_NE(name_of(static_cast<Failure>(i)), "") << i;
  EXPECT_EQ(name_of(Failure::kNone), "");
}

}  // namespace
}  // namespace sluice::http
