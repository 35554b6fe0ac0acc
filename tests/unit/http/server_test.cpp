#include "core/http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "core/http/client.h"

namespace sluice::http {
namespace {

struct ServerTest : testing::Test {
  Loop loop;
  int asked = 0;

  Routes routes() {
    return {{"/healthz", [this] { return Reply{200, "text/plain", "ok " + std::to_string(++asked) + "\n"}; }},
            {"/broken", []() -> Reply { throw std::runtime_error("broken"); }}};
  }

  Response request(const Server& server, std::string method, std::string_view path) {
    ClientOptions options;
    options.policy.allow_networks = {Network::parse("127.0.0.0/8")};
    Client client(loop, options);
    Request request;
    request.method = std::move(method);
    request.url = "http://" + server.address() + std::string(path);
    return loop.run(client.send(std::move(request)));
  }

  // Connects, so that the server has a connection of its own to the port, and closes nothing.
  static int connect_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
};

TEST_F(ServerTest, AnswersItsRoutesOnTheLoop) {
  const Server server(loop, "127.0.0.1:0", routes());
  EXPECT_GT(server.port(), 0);
  EXPECT_EQ(server.address(), "127.0.0.1:" + std::to_string(server.port()));
  const Response response = request(server, "GET", "/healthz?verbose=1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "ok 1\n");
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_EQ(request(server, "GET", "/healthz").body, "ok 2\n");
  const Response head = request(server, "HEAD", "/healthz");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(ServerTest, RefusesOtherPathsAndMethodsAndSurvivesAFailingRoute) {
  const Server server(loop, "127.0.0.1:0", routes());
  EXPECT_EQ(request(server, "GET", "/").status, 404);
  EXPECT_EQ(request(server, "POST", "/healthz").status, 405);
  EXPECT_EQ(request(server, "GET", "/broken").status, 500);
  EXPECT_EQ(request(server, "GET", "/healthz").status, 200);
  EXPECT_EQ(asked, 1);
}

TEST_F(ServerTest, ThePortCanBeBoundAgainWhileOldConnectionsLinger) {
  std::uint16_t port = 0;
  int client = -1;
  {
    const Server server(loop, "127.0.0.1:0", routes());
    port = server.port();
    client = connect_to(port);
    (void)request(server, "GET", "/healthz");  // a turn of the loop, in which the connection is accepted
  }
  const Server again(loop, "127.0.0.1:" + std::to_string(port), routes());
  EXPECT_EQ(again.port(), port);
  close(client);
}

TEST_F(ServerTest, TakesOverASocketThatListensAlready) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  const Server server(loop, listener, routes());
  EXPECT_EQ(request(server, "GET", "/healthz").status, 200);
}

TEST_F(ServerTest, DoesNotKeepTheLoopFromNoticingThatNothingIsLeft) {
  const Server server(loop, "127.0.0.1:0", routes());
  Event never(loop);
  auto body = [](Event& event) -> Task<void> { (void)co_await event.wait(); };
  EXPECT_THROW(loop.run(body(never)), Error);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  const Server first(loop, "127.0.0.1:0", routes());
  for (const std::string& where :
       {first.address(), std::string("127.0.0.1"), std::string("127.0.0.1:http"), std::string("300.1.1.1:1")}) {
    try {
      const Server second(loop, where, routes());
      ADD_FAILURE() << where;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("cannot listen on '" + where + "'"), std::string::npos) << error.what();
      EXPECT_FALSE(error.hint().empty());
    }
  }
}

}  // namespace
}  // namespace sluice::http
