// Receivers that misbehave, each a test.
#include "tests/unit/http/client_fixture.h"

namespace sluice::http {
namespace {

using std::chrono::milliseconds;

struct ClientHostileTest : ClientTest {};

TEST_F(ClientHostileTest, AReceiverThatNeverAnswersTimesOut) {
  RawServer server([](Peer& peer) { peer.wait_until_closed(); });
  const Response response = post(server, milliseconds(100));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_EQ(response.status, 0);
  EXPECT_GE(response.duration, milliseconds(100));
  EXPECT_LT(response.duration, milliseconds(3000));
}

// A full backlog: the kernel drops what asks for a connection.
TEST_F(ClientHostileTest, AConnectionThatNobodyTakesHasATimeoutOfItsOwn) {
  EXPECT_EQ(ClientOptions{}.connect_timeout, std::chrono::seconds(5));
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> taken;
  for (int i = 0; i < 4; ++i) {
    taken.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)connect(taken.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  ClientOptions options = open_to_loopback();
  options.connect_timeout = milliseconds(100);
  Client client(loop, options);
  Request request;
  request.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  request.timeout = std::chrono::seconds(20);
  const Response response = send(client, std::move(request));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_LT(response.duration, std::chrono::seconds(10)) << "of the twenty that the whole attempt has";
  for (const int fd : taken) close(fd);
  close(listener);
}

TEST_F(ClientHostileTest, HeadersThatTrickleInTimeOut) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nx-slow: ");
    while (peer.write("y")) std::this_thread::sleep_for(milliseconds(10));
  });
  const Response response = post(server, milliseconds(150));
  EXPECT_EQ(response.failure, Failure::kTimeout);
  EXPECT_EQ(response.status, 0);
}

TEST_F(ClientHostileTest, ABodyThatTricklesInKeepsItsStatus) {
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

TEST_F(ClientHostileTest, AnEndlessBodyIsCutAndTheConnectionClosed) {
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

TEST_F(ClientHostileTest, ABodyAtTheLimitIsNotCut) {
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

TEST_F(ClientHostileTest, NoMoreThanAMebibyteIsKeptWhateverTheCallerWants) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reply(200, std::string((1U << 20U) + 1, 'x'));
  });
  Request request;
  request.url = server.url();
  request.keep_body = std::size_t{2} << 20U;
  const Response response = send(std::move(request));
  EXPECT_EQ(response.body.size(), 1U << 20U);
  EXPECT_TRUE(response.cut);
}

TEST_F(ClientHostileTest, MoreThan256KiBBeyondWhatIsKeptEndsTheConnection) {
  for (const std::size_t more : {0U, 1U}) {
    RawServer server([more](Peer& peer) {
      while (!peer.read_request().empty()) peer.reply(200, std::string(100 + (256U << 10U) + more, 'x'));
    });
    Client client(loop, open_to_loopback());
    for (int i = 0; i < 2; ++i) {
      Request request;
      request.url = server.url();
      request.keep_body = 100;
      EXPECT_EQ(send(client, std::move(request)).body.size(), 100U);
    }
    EXPECT_EQ(server.connections(), 1 + static_cast<int>(more));
  }
}

TEST_F(ClientHostileTest, CompressedAndBinaryBodiesAreKeptAsBytes) {
  const std::string bytes("\x1f\x8b\x08\x00\x00\xff\xfe\xc3\x28", 9);
  RawServer server([&](Peer& peer) {
    const std::string request = peer.read_request();
    EXPECT_EQ(request.find("ccept-"), std::string::npos);
    peer.reply(200, bytes, "Content-Encoding: gzip\r\n");
  });
  EXPECT_EQ(post(server).body, bytes);
}

TEST_F(ClientHostileTest, AResetInTheBodyKeepsTheStatusAndIsReported) {
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

TEST_F(ClientHostileTest, AResetBeforeAnyAnswerIsReported) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.reset();
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kReset);
  EXPECT_EQ(response.status, 0);
}

TEST_F(ClientHostileTest, AContentLengthThatPromisesTooMuchIsAReset) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345");
  });
  const Response response = post(server);
  EXPECT_EQ(response.failure, Failure::kReset);
  EXPECT_EQ(response.body, "12345");
}

TEST_F(ClientHostileTest, AContentLengthThatPromisesTooLittleEndsTheConnection) {
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

TEST_F(ClientHostileTest, AFewInterimResponsesArePassedOver) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n");
    peer.reply(202, "ok");
  });
  const Response response = post(server);
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.retry_after, "") << "only the final response's headers count";
}

TEST_F(ClientHostileTest, AStormOfInterimResponsesIsEnded) {
  RawServer server([](Peer& peer) {
    peer.read_request();
    while (peer.write("HTTP/1.1 100 Continue\r\n\r\n")) {
    }
  });
  EXPECT_EQ(post(server).failure, Failure::kTooLarge);
}

TEST_F(ClientHostileTest, ManyOrLongHeadersAreTooLarge) {
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

TEST_F(ClientHostileTest, ThirtyTwoKiBOfHeadersArePassedAndOneByteMoreIsNot) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n";
  const std::string start = "HTTP/1.1 204 No Content\r\nx: ";
  const std::string end = "\r\n\r\n";
  const std::size_t room = 32768 - interim.size() - start.size() - end.size();
  for (const bool fits : {true, false}) {
    RawServer server([&, fits](Peer& peer) {
      peer.read_request();
      peer.write(interim);
      peer.write(start);
      peer.write(std::string(room + (fits ? 0 : 1), 'x'));
      peer.write(end);
    });
    EXPECT_EQ(post(server).failure, fits ? Failure::kNone : Failure::kTooLarge);
  }
}

TEST_F(ClientHostileTest, RedirectsAreAnswersAndNeverFollowed) {
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

TEST_F(ClientHostileTest, GarbageIsAProtocolError) {
  for (const std::string_view garbage :
       {"\x16\x03\x01 hello\n\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 200 OK\r\n\r\n"}) {
    RawServer server([garbage](Peer& peer) {
      peer.read_request();
      peer.write(garbage);
    });
    const Response response = post(server);
    EXPECT_EQ(response.failure, Failure::kProtocol) << garbage;
    EXPECT_EQ(response.status, 0);
  }
}

TEST_F(ClientHostileTest, AClosedPortIsAConnectError) {
  std::uint16_t port = 0;
  {
    port = RawServer([](Peer&) {}).port();
  }
  Request request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  EXPECT_EQ(send(std::move(request)).failure, Failure::kConnect);
}

TEST_F(ClientHostileTest, PlainTextWhereTlsIsExpectedIsATlsError) {
  RawServer server([](Peer& peer) { peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  Request request;
  request.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(send(std::move(request)).failure, Failure::kTls);
}

TEST_F(ClientHostileTest, OutOfDescriptorsIsOurOwnFault) {
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

}  // namespace
}  // namespace sluice::http
