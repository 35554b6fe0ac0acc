#include "core/http/client.h"

#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "tests/unit/http/client_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

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

// curl announces bodies of more than a mebibyte by `Expect`, and waits.
TEST_F(ClientTest, ALargeBodyIsNotAnnouncedButSent) {
  std::string seen;
  RawServer server([&](Peer& peer) {
    seen = peer.read_request();
    peer.reply(204, "");
  });
  Request request;
  request.url = server.url();
  request.body = std::string((1U << 20U) + 1, 'x');
  EXPECT_EQ(send(std::move(request)).status, 204);
  EXPECT_EQ(seen.substr(0, seen.find("\r\n\r\n")).find("Expect"), std::string::npos);
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
  const std::vector<std::pair<std::string, std::string>> sent{{"PUT", "put"}, {"GET", ""},  {"DELETE", "gone"},
                                                              {"HEAD", ""},   {"POST", ""}, {"OPTIONS", ""},
                                                              {"PATCH", "p"}, {"GET", ""}};
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

// It is not judged again while it is kept.
TEST_F(ClientTest, AKeptConnectionIsReplacedWhenItIsOldHoweverBusy) {
  EXPECT_LE(ClientOptions{}.max_connection_age, std::chrono::seconds(60));
  RawServer server([](Peer& peer) {
    while (!peer.read_request().empty()) peer.reply(204, "");
  });
  ClientOptions options = open_to_loopback();
  options.max_connection_age = std::chrono::seconds(1);
  Client client(loop, options);
  const auto pause = [](Loop& on) -> Task<void> { (void)co_await on.sleep(milliseconds(20)); };
  const Deadline patience = Clock::now() + std::chrono::seconds(30);
  while (server.connections() < 2 && Clock::now() < patience) {
    Request request;
    request.url = server.url();
    EXPECT_EQ(send(client, std::move(request)).status, 204);
    loop.run(pause(loop));
  }
  EXPECT_EQ(server.connections(), 2);
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

TEST(Failure, EveryFailureHasAName) {
  for (int i = 1; i <= static_cast<int>(Failure::kStopped); ++i) EXPECT_NE(name_of(static_cast<Failure>(i)), "") << i;
  EXPECT_EQ(name_of(Failure::kNone), "");
}

}  // namespace
}  // namespace sluice::http
