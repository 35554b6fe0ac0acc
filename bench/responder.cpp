// A receiver that costs next to nothing: answers every POST with 204 and counts it. One thread, epoll, HTTP/1.1 with
// keep-alive. Prints its port. GET /stats says {"requests", "first_us", "last_us"} (microseconds since the epoch) of
// the POSTs so far; GET /reset says the same and starts anew. Bodies must have a content-length. With --note, GET
// /arrivals says when each event came: a line of microseconds and the value of the body's "key" for each POST.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

namespace {

constexpr std::string_view kAccepted = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::size_t kLargestRequest = 4 << 20;

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

void require(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

struct Counts {
  std::int64_t requests = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;

  void add() {
    last_us = now_us();
    if (requests++ == 0) first_us = last_us;
  }
  [[nodiscard]] std::string json() const {
    return fmt::format(R"({{"requests":{},"first_us":{},"last_us":{}}})", requests, first_us, last_us);
  }
};

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto* found = std::search(head.begin(), head.end(), kName.begin(), kName.end(), same);
  if (found == head.end()) return 0;
  const auto* digits = std::find_if(found + kName.size(), head.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::size_t length = 0;
  std::from_chars(digits, head.end(), length);
  return length;
}

// The value of the first member "key" of a body as the bench writes them: without escapes.
std::string_view key_of(std::string_view request) {
  constexpr std::string_view kName = R"("key":)";
  const auto at = request.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = request.substr(at + kName.size());
  const auto begin = std::min(rest.find('"'), rest.size() - 1) + 1;
  return rest.substr(begin, rest.find('"', begin) - begin);
}

class Responder {
 public:
  explicit Responder(bool notes)
      : notes_(notes),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    require(listener_ >= 0 && epoll_ >= 0, "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    require(listen(listener_, SOMAXCONN) == 0, "listen");
    require(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
    watch(listener_);
  }

  [[nodiscard]] int port() const { return port_; }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      require(count >= 0 || errno == EINTR, "epoll_wait");
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (!serve(fd)) {
          buffers_.erase(fd);
          close(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    require(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      buffers_[fd].clear();
      watch(fd);
    }
  }

  // Clients are few and read what they ask for, so this may wait for them.
  static bool send_all(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    }
    return true;
  }

  // False when the connection is over.
  bool serve(int fd) {
    std::string& buffer = buffers_[fd];
    std::array<char, 65536> chunk;
    const ssize_t size = recv(fd, chunk.data(), chunk.size(), 0);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    buffer.append(chunk.data(), static_cast<std::size_t>(size));
    if (buffer.size() > kLargestRequest) return false;
    std::string answers;
    std::size_t done = 0;
    while (const std::size_t length = whole_request(std::string_view(buffer).substr(done))) {
      answers += answer(std::string_view(buffer).substr(done, length));
      done += length;
    }
    buffer.erase(0, done);
    return answers.empty() || send_all(fd, answers);
  }

  // The size of the first request in `text`; 0 when it is not all there.
  static std::size_t whole_request(std::string_view text) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    const std::size_t length = end + 4 + content_length(text.substr(0, end));
    return length <= text.size() ? length : 0;
  }

  std::string answer(std::string_view request) {
    if (request.starts_with("POST ")) {
      counts_.add();
      if (notes_) arrivals_ += fmt::format("{} {}\n", counts_.last_us, key_of(request));
      return std::string(kAccepted);
    }
    const std::string body = request.starts_with("GET /arrivals ") ? arrivals_ : counts_.json();
    if (request.starts_with("GET /reset ")) counts_ = {};
    return fmt::format("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", body.size(), body);
  }

  bool notes_;
  int listener_;
  int epoll_;
  int port_ = 0;
  std::unordered_map<int, std::string> buffers_;  // by connection: what came of its next request
  Counts counts_;
  std::string arrivals_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    Responder responder(argc > 1 && std::string_view(argv[1]) == "--note");
    fmt::print("{}\n", responder.port());
    (void)std::fflush(stdout);
    responder.run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
