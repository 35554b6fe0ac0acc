#include "core/http/server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>

#include "core/async/callbacks.h"
#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "core/base/log.h"

namespace sluice::http {
namespace {

constexpr unsigned kIdleSeconds = 10;
constexpr std::size_t kConnectionBytes = 16U << 10U;  // request line and headers
constexpr std::size_t kStreamBlock = 4096;

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

bool same_name(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

// One request, from its first line until its answer is sent.
struct Exchange {
  ServerRequest request;
  std::optional<Reply> reply;
  MHD_Connection* connection = nullptr;
  bool begun = false;    // its headers are read
  bool waiting = false;  // suspended until there is a reply
};

Reply plain(int status, std::string_view text) {
  return {.status = status, .body = std::string(text)};
}

Reply route(const Routes& routes, const ServerRequest& request) {
  const auto found = routes.find(request.path());
  if (found == routes.end()) return plain(404, "not found\n");
  if (request.method != MHD_HTTP_METHOD_GET && request.method != MHD_HTTP_METHOD_HEAD) {
    Reply reply = plain(405, "only GET and HEAD\n");
    reply.headers.emplace_back(MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    return reply;
  }
  return found->second();
}

}  // namespace

struct Server::State {
  State(Loop& loop, int listener, Handler answers, ServerLimits bounds);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static void* on_target(void* self, const char* target, MHD_Connection* connection) noexcept;
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                               const char* version, const char* upload, std::size_t* upload_size, void** slot) noexcept;
  static void on_end(void* self, MHD_Connection* connection, void** slot, MHD_RequestTerminationCode code) noexcept;

  MHD_Result go_on(Exchange& exchange, std::string_view method, std::string_view upload);
  Task<void> answer(Exchange& exchange);
  MHD_Result send(Exchange& exchange);
  void suspend(MHD_Connection* connection);
  void resume(MHD_Connection* connection);
  void run() noexcept;
  [[nodiscard]] unsigned connections() const;

  Handler handler;
  ServerLimits limits;
  LocalAddress local;
  MHD_Daemon* daemon = nullptr;
  std::unordered_set<MHD_Connection*> suspended;
  bool resumed = false;  // one of them, since the daemon's last run
  Timer timer;
  std::unique_ptr<Watch> watch;
  std::optional<TaskScope> answers;  // ended first: the tasks use their exchanges

  // The sending end of a Stream.
  struct Outlet {
    State* state;
    MHD_Connection* connection;
    std::shared_ptr<Stream> stream;
    std::string first;  // the reply's body
    bool waiting = false;

    static ssize_t read(void* self, std::uint64_t position, char* buffer, std::size_t room) noexcept;
    static void close(void* self) noexcept;
  };
};

Server::State::State(Loop& loop, int listener, Handler answers_all, ServerLimits bounds)
    : handler(std::move(answers_all)),
      limits(bounds),
      timer(
          loop, [](void* self) noexcept { static_cast<State*>(self)->run(); }, this),
      answers(std::in_place, loop) {
  try {
    local = local_address(listener);
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);  // one that systemd passed may block
    daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &State::on_request, this,
                              MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, limits.connections,
                              MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.connections_an_address,
                              MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              kConnectionBytes, MHD_OPTION_URI_LOG_CALLBACK, &State::on_target, this,
                              MHD_OPTION_NOTIFY_COMPLETED, &State::on_end, this, MHD_OPTION_END);
    if (daemon == nullptr) throw Error("cannot start the HTTP server on port " + std::to_string(local.port));
  } catch (...) {
    close(listener);  // else the daemon does
    throw;
  }
  const int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  const auto ready = [](void* self, int, unsigned) noexcept { static_cast<State*>(self)->run(); };
  watch = std::make_unique<Watch>(loop, epoll, ready, this);
  watch->unreference();
  watch->start(Readiness::kReadable);
  timer.unreference();
}

Server::State::~State() {
  answers.reset();
  watch.reset();                                          // before its descriptor is closed
  while (!suspended.empty()) resume(*suspended.begin());  // the daemon refuses to stop otherwise
  MHD_stop_daemon(daemon);
}

void Server::State::run() noexcept {
  resumed = false;
  const unsigned before = connections();
  MHD_run(daemon);
  MHD_UNSIGNED_LONG_LONG wait = 0;
  // At its limit the daemon does not listen. That it may again it sees at the beginning of a run, which nothing else
  // calls for when the last of its connections have ended.
  if (resumed || connections() < before) {
    timer.start(std::chrono::milliseconds(0));
  } else if (MHD_get_timeout(daemon, &wait) == MHD_YES) {
    timer.start(std::chrono::milliseconds(wait));
  } else {
    timer.stop();
  }
}

unsigned Server::State::connections() const {
  return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

void Server::State::suspend(MHD_Connection* connection) {
  suspended.insert(connection);
  MHD_suspend_connection(connection);
}

void Server::State::resume(MHD_Connection* connection) {
  suspended.erase(connection);
  MHD_resume_connection(connection);  // by the daemon's next run, which nothing else calls for
  resumed = true;
  timer.start(std::chrono::milliseconds(0));
}

void* Server::State::on_target(void* /*self*/, const char* target, MHD_Connection* connection) noexcept {
  auto exchange = std::make_unique<Exchange>();
  exchange->request.target = target;
  exchange->connection = connection;
  return exchange.release();
}

MHD_Result Server::State::on_request(void* self, MHD_Connection* /*connection*/, const char* /*path*/,
                                     const char* method, const char* /*version*/, const char* upload,
                                     std::size_t* upload_size, void** slot) noexcept {
  auto& exchange = *static_cast<Exchange*>(*slot);
  const std::string_view piece = *upload_size > 0 ? std::string_view(upload, *upload_size) : std::string_view();
  *upload_size = 0;
  return static_cast<State*>(self)->go_on(exchange, method, piece);
}

void Server::State::on_end(void* /*self*/, MHD_Connection* /*connection*/, void** slot,
                           MHD_RequestTerminationCode /*code*/) noexcept {
  const std::unique_ptr<Exchange> ended(static_cast<Exchange*>(std::exchange(*slot, nullptr)));
}

// Called with the headers, then with each piece of the body, then when all of it is there, and once more after a wait.
MHD_Result Server::State::go_on(Exchange& exchange, std::string_view method, std::string_view upload) {
  ServerRequest& request = exchange.request;
  if (exchange.reply) return send(exchange);
  if (!exchange.begun) {
    exchange.begun = true;
    request.method = method;
    const auto keep = [](void* fields, MHD_ValueKind, const char* name, const char* value) {
      static_cast<Fields*>(fields)->emplace_back(name, value != nullptr ? value : "");
      return MHD_YES;
    };
    MHD_get_connection_values(exchange.connection, MHD_HEADER_KIND, keep, &request.headers);
    const std::string length = request.header(MHD_HTTP_HEADER_CONTENT_LENGTH).value_or("0");
    std::uint64_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (bytes <= limits.body_bytes) return MHD_YES;
    exchange.reply = plain(413, "the body is longer than " + std::to_string(limits.body_bytes) + " bytes\n");
    return send(exchange);
  }
  if (!upload.empty()) {
    // More than was announced, or in chunks without an announcement: nobody knows how much is still to come.
    if (request.body.size() + upload.size() > limits.body_bytes) return MHD_NO;
    request.body += upload;
    return MHD_YES;
  }
  answers->spawn(answer(exchange));
  if (exchange.reply) return send(exchange);
  exchange.waiting = true;
  suspend(exchange.connection);
  return MHD_YES;
}

Task<void> Server::State::answer(Exchange& exchange) {
  try {
    exchange.reply = co_await handler(exchange.request);
  } catch (const std::exception& error) {
    log_error("a request failed", {{"path", exchange.request.path()}, {"reason", error.what()}});
    exchange.reply = plain(500, "internal error\n");
  }
  if (std::exchange(exchange.waiting, false)) resume(exchange.connection);
}

MHD_Result Server::State::send(Exchange& exchange) {
  Reply& reply = *exchange.reply;
  MHD_Response* response = nullptr;
  if (reply.stream) {
    auto outlet = std::make_unique<Outlet>(this, exchange.connection, reply.stream, std::move(reply.body));
    reply.stream->wake_ = [outlet = outlet.get()] {
      if (std::exchange(outlet->waiting, false)) outlet->state->resume(outlet->connection);
    };
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kStreamBlock, &Outlet::read, outlet.get(), &Outlet::close);
    Outlet* const given = outlet.release();  // close() deletes it, called at the end of the response
    if (response == nullptr) Outlet::close(given);
  } else {
    response = MHD_create_response_from_buffer(reply.body.size(), reply.body.data(), MHD_RESPMEM_MUST_COPY);
  }
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
  bool caching = false;
  for (const auto& [name, value] : reply.headers) {
    MHD_add_response_header(response, name.c_str(), value.c_str());
    caching = caching || same_name(name, MHD_HTTP_HEADER_CACHE_CONTROL);
  }
  if (!caching) MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  const MHD_Result queued = MHD_queue_response(exchange.connection, static_cast<unsigned>(reply.status), response);
  MHD_destroy_response(response);
  return queued;
}

ssize_t Server::State::Outlet::read(void* self, std::uint64_t /*position*/, char* buffer, std::size_t room) noexcept {
  auto& outlet = *static_cast<Outlet*>(self);
  std::string& text = outlet.first.empty() ? outlet.stream->pending_ : outlet.first;
  if (!text.empty()) {
    const std::size_t size = text.copy(buffer, room);
    text.erase(0, size);
    return static_cast<ssize_t>(size);
  }
  if (outlet.stream->finished_) return MHD_CONTENT_READER_END_OF_STREAM;
  outlet.waiting = true;
  outlet.state->suspend(outlet.connection);
  return 0;
}

void Server::State::Outlet::close(void* self) noexcept {
  const std::unique_ptr<Outlet> outlet(static_cast<Outlet*>(self));
  outlet->stream->wake_ = [] {};
  outlet->stream->gone_ = true;
  outlet->stream->pending_.clear();
}

bool Stream::write(std::string_view text) {
  if (gone_ || finished_ || pending_.size() + text.size() > capacity_) return false;
  pending_ += text;
  wake_();
  return true;
}

void Stream::finish(std::string_view last) {
  if (gone_ || finished_) return;
  pending_ += last;
  finished_ = true;
  wake_();
}

std::string_view ServerRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view ServerRequest::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::optional<std::string> ServerRequest::header(std::string_view name) const {
  std::optional<std::string> joined;
  for (const auto& [each, value] : headers) {
    if (!same_name(each, name)) continue;
    joined = joined ? *joined + ", " + value : value;
  }
  return joined;
}

Server::Server(Loop& loop, std::string_view listen, Routes routes)
    : Server(loop, listen_on(listen, "metrics.listen"), std::move(routes)) {}

Server::Server(Loop& loop, int listening_socket, Routes routes)
    : Server(
          loop, listening_socket,
          [table = std::move(routes)](const ServerRequest& request) -> Task<Reply> { co_return route(table, request); },
          ServerLimits{}) {}

Server::Server(Loop& loop, int listening_socket, Handler handler, ServerLimits limits)
    : state_(std::make_unique<State>(loop, listening_socket, std::move(handler), limits)) {}

Server::~Server() = default;

std::uint16_t Server::port() const noexcept {
  return state_->local.port;
}

std::string Server::address() const {
  const bool v6 = state_->local.host.find(':') != std::string::npos;
  return (v6 ? "[" + state_->local.host + "]" : state_->local.host) + ":" + std::to_string(state_->local.port);
}

}  // namespace sluice::http
