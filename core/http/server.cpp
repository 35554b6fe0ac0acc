#include "core/http/server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/async/callbacks.h"
#include "core/base/errors.h"

namespace sluice::http {
namespace {

constexpr unsigned kMaxConnections = 64;
constexpr unsigned kMaxConnectionsPerAddress = 16;
constexpr unsigned kIdleSeconds = 10;
constexpr std::size_t kConnectionBytes = 16U << 10U;  // request line and headers

class Socket {
 public:
  explicit Socket(int fd) noexcept : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

[[noreturn]] void cannot_listen(std::string_view where, const std::string& why) {
  throw Error("cannot listen on '" + std::string(where) + "': " + why, "choose another metrics.listen, as HOST:PORT");
}

int listen_on(std::string_view where) {
  const auto colon = where.rfind(':');
  if (colon == std::string_view::npos) cannot_listen(where, "the port is missing");
  std::string host(where.substr(0, colon));
  const std::string port(where.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
      status != 0) {
    cannot_listen(where, gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Socket listener(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  // Connections of a predecessor that was killed linger on the port; they must not keep it from us.
  if (listener.get() < 0 || setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 || listen(listener.get(), kMaxConnections) != 0) {
    cannot_listen(where, std::strerror(errno));
  }
  return listener.release();
}

struct LocalAddress {
  std::string host;
  std::uint16_t port = 0;
};

LocalAddress local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(fd, generic, &size) != 0 || getnameinfo(generic, size, host.data(), host.size(), port.data(),
                                                          port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    throw Error("descriptor " + std::to_string(fd) + " is not a listening TCP socket");
  }
  return {host.data(), static_cast<std::uint16_t>(std::stoul(port.data()))};
}

}  // namespace

struct Server::State {
  State(Loop& loop, int listener, Routes table);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                               const char* version, const char* upload, std::size_t* upload_size,
                               void** request) noexcept;
  Reply answer(std::string_view path, std::string_view method) const;
  void run() noexcept;

  Routes routes;
  LocalAddress local;
  MHD_Daemon* daemon = nullptr;
  Timer timer;
  std::unique_ptr<Watch> watch;
};

Server::State::State(Loop& loop, int listener, Routes table)
    : routes(std::move(table)), timer(loop, [](void* self) noexcept { static_cast<State*>(self)->run(); }, this) {
  Socket owner(listener);
  local = local_address(listener);
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);  // one that systemd passed may block
  daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, nullptr, nullptr, &State::on_request, this, MHD_OPTION_LISTEN_SOCKET,
                            listener, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            kMaxConnectionsPerAddress, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes, MHD_OPTION_END);
  if (daemon == nullptr) throw Error("cannot start the HTTP server on port " + std::to_string(local.port));
  owner.release();  // the daemon closes it
  const int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  const auto ready = [](void* self, int, unsigned) noexcept { static_cast<State*>(self)->run(); };
  watch = std::make_unique<Watch>(loop, epoll, ready, this);
  watch->unreference();
  watch->start(Readiness::kReadable);
  timer.unreference();
}

Server::State::~State() {
  watch.reset();  // before its descriptor is closed
  if (daemon != nullptr) MHD_stop_daemon(daemon);
}

void Server::State::run() noexcept {
  MHD_run(daemon);
  MHD_UNSIGNED_LONG_LONG wait = 0;
  if (MHD_get_timeout(daemon, &wait) == MHD_YES) {
    timer.start(std::chrono::milliseconds(wait));
  } else {
    timer.stop();
  }
}

Reply Server::State::answer(std::string_view path, std::string_view method) const {
  const auto route = routes.find(path);
  if (route == routes.end()) return {404, "text/plain; charset=utf-8", "not found\n"};
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  }
  return route->second();
}

MHD_Result Server::State::on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                                     const char* /*version*/, const char* /*upload*/, std::size_t* /*upload_size*/,
                                     void** /*request*/) noexcept {
  Reply reply;
  try {
    reply = static_cast<State*>(self)->answer(path, method);
  } catch (const std::exception&) {
    reply = {500, "text/plain; charset=utf-8", "internal error\n"};
  }
  MHD_Response* response = MHD_create_response_from_buffer(reply.body.size(), reply.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  if (reply.status == 405) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return queued;
}

Server::Server(Loop& loop, std::string_view listen, Routes routes)
    : Server(loop, listen_on(listen), std::move(routes)) {}

Server::Server(Loop& loop, int listening_socket, Routes routes)
    : state_(std::make_unique<State>(loop, listening_socket, std::move(routes))) {}

Server::~Server() = default;

std::uint16_t Server::port() const noexcept {
  return state_->local.port;
}

std::string Server::address() const {
  const bool v6 = state_->local.host.find(':') != std::string::npos;
  return (v6 ? "[" + state_->local.host + "]" : state_->local.host) + ":" + std::to_string(state_->local.port);
}

}  // namespace sluice::http
