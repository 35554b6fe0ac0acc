// Any bytes as a receiver's answer, over a connection: the client makes a response of it, and what the notifier and the
// worker conclude from that is within its bounds.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/async/poll.h"
#include "core/async/task_scope.h"
#include "core/http/client.h"
#include "notifier/outcome.h"
#include "notifier/validation.h"

namespace {

using namespace sluice;

constexpr std::size_t kKept = 1024;
constexpr std::size_t kHeaderBytes = 32U << 10U;

// A listening socket and the loop that both sides run on.
class Peer {
 public:
  Peer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, where, size) != 0 || listen(listener_, 16) != 0 || getsockname(listener_, where, &size) != 0)
      std::abort();
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  }

  http::Response ask(std::string_view answer) {
    auto body = [&]() -> Task<http::Response> {
      TaskScope scope(loop_);
      scope.spawn(serve(answer, scope.stop_token()));
      http::Request request;
      request.url = url_;
      request.body = "{}";
      request.keep_body = kKept;
      request.timeout = std::chrono::milliseconds(500);  // for an answer that promises more than it has
      http::Response response = co_await client_.send(std::move(request));
      scope.request_stop();
      co_await scope.join();
      co_return response;
    };
    return loop_.run(body());
  }

 private:
  static http::ClientOptions allowing_loopback() {
    http::ClientOptions options;
    options.policy.allow_networks = {http::Network::parse("127.0.0.0/8")};
    return options;
  }

  // Nobody calls when the stop token is what wakes it.
  Task<void> serve(std::string_view answer, StopToken stop) {
    Poll calls(loop_, listener_);
    (void)co_await calls.wait(Readiness::kReadable, kNoDeadline, stop);
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) co_return;
    {
      Poll bytes(loop_, fd);
      (void)co_await bytes.wait(Readiness::kReadable, kNoDeadline, stop);
      std::array<char, 4096> request{};
      (void)!read(fd, request.data(), request.size());
      (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    close(fd);
  }

  int listener_;
  std::string url_;
  Loop loop_;
  http::Client client_{loop_, allowing_loopback()};
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Peer peer;
  const http::Response response = peer.ask({reinterpret_cast<const char*>(data), size});
  require(response.status >= 0 && response.status <= 999);
  require(response.body.size() <= kKept);
  require(response.failure != http::Failure::kNone || response.status >= 200);
  require(response.content_type.size() + response.retry_after.size() + response.webhook_allowed_origin.size() <=
          kHeaderBytes);

  notifier::Delivery delivery;
  auto destination = std::make_shared<notifier::Destination>();
  destination->max_age = std::chrono::hours(24);
  destination->schedule = notifier::RetrySchedule::parse("[0, 5, 300]");
  delivery.destination = destination;
  const notifier::Outcome outcome = notifier::judge(delivery, response, utc_now(), 0.5);
  require((outcome.kind == notifier::Outcome::Kind::kDelivered) == response.is_2xx());
  require(outcome.delay.count() >= 0);
  require(!outcome.pause || outcome.pause->count() >= 0);
  const notifier::Validation validation = notifier::judge_validation(response, "origin", 1);
  require(!validation.rate_limit || *validation.rate_limit > 0);
  require(validation.outcome != "validated" || response.is_2xx());
  return 0;
}
