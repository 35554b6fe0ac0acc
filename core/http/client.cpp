#include "core/http/client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "core/async/callbacks.h"
#include "core/base/errors.h"
#include "core/http/header_policy.h"
#include "core/http/judged_urls.h"
#include "core/http/transfer.h"
#include "core/http/watched_sockets.h"

namespace sluice::http {
namespace {

constexpr std::size_t kMaxIdleHandles = 1024;

Response refused(Failure failure, const Verdict& verdict) {
  Response response;
  response.failure = failure;
  response.refusal = verdict.reason + ": " + verdict.sentence;
  return response;
}

Response failed(Failure failure) {
  Response response;
  response.failure = failure;
  return response;
}

Verdict judge_request(const Request& request) {
  const auto& method = request.method;
  const bool letters = std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!letters || method.empty() || method.size() > 16 || method == "CONNECT" || method == "TRACE") {
    return {false, "method", "a method is a word of capital letters, and not CONNECT or TRACE"};
  }
  for (const Header& header : request.headers) {
    if (!is_header_value(header.value))
      return {false, "header_value", "the value of " + header.name + " cannot be sent"};
  }
  for (const Header& header : request.custom_headers) {
    const Verdict verdict = judge_header(header.name, header.value);
    if (!verdict.allowed) return verdict;
  }
  return {true, "", ""};
}

// The reasons that speak of where the URL leads, and not of how it is written.
bool is_about_address(const Verdict& verdict) {
  return verdict.reason != "port" && verdict.reason != "method" && !verdict.reason.starts_with("url_");
}

Failure failure_of(Resolution::Outcome outcome) {
  switch (outcome) {
    case Resolution::Outcome::kNotFound:
      return Failure::kDns;
    case Resolution::Outcome::kTimeout:
      return Failure::kTimeout;
    case Resolution::Outcome::kStopped:
      return Failure::kStopped;
    default:
      return Failure::kResource;
  }
}

}  // namespace

struct Client::State {
  State(Loop& on, ClientOptions settings, std::unique_ptr<Resolver> names);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* kept) noexcept;
  static int close_socket(void* self, curl_socket_t fd) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* self) noexcept;
  void drive(curl_socket_t fd, int events) noexcept;
  void collect_finished() noexcept;

  Task<Resolution> addresses_of(const JudgedUrl& url, Deadline deadline, StopToken stop);
  [[nodiscard]] Verdict judge(const JudgedUrl& url, const std::vector<Address>& addresses) const;
  Easy take_easy();
  void keep_easy(Easy easy);

  Loop& loop;
  ClientOptions options;
  AddressGuard guard;
  JudgedUrls urls{guard};
  std::unique_ptr<Resolver> resolver;
  CURLM* multi;
  Timer timer;
  WatchedSockets sockets;
  std::vector<Easy> idle;
  std::size_t in_flight = 0;
};

Client::State::State(Loop& on, ClientOptions settings, std::unique_ptr<Resolver> names)
    : loop(on),
      options(std::move(settings)),
      guard(options.policy),
      resolver(std::move(names)),
      multi((curl_global_init(CURL_GLOBAL_DEFAULT), curl_multi_init())),
      timer(
          on, [](void* self) noexcept { static_cast<State*>(self)->drive(CURL_SOCKET_TIMEOUT, 0); }, this),
      sockets(
          on,
          [](void* self, int fd, unsigned ready) noexcept {
            static_assert(CURL_CSELECT_IN == 1 && CURL_CSELECT_OUT == 2);  // as Readiness has them
            static_cast<State*>(self)->drive(fd, static_cast<int>(ready));
          },
          this) {
  if (multi == nullptr) throw std::bad_alloc();
  if (!options.ca_file.empty() && access(options.ca_file.c_str(), R_OK) != 0) {
    curl_multi_cleanup(multi);
    throw ConfigError("cannot read the certificates in " + options.ca_file, "set http.ca_file to a readable PEM file");
  }
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_idle_connections));
}

Client::State::~State() {
  idle.clear();
  curl_multi_cleanup(multi);  // closes the kept connections
}

int Client::State::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self, void* /*kept*/) noexcept {
  WatchedSockets& sockets = static_cast<State*>(self)->sockets;
  static_assert(CURL_POLL_IN == 1 && CURL_POLL_OUT == 2 && CURL_POLL_INOUT == 3);
  if (what != CURL_POLL_REMOVE) return sockets.want(fd, static_cast<Readiness>(what)) ? 0 : -1;  // -1: it fails
  sockets.want_nothing(fd);
  return 0;
}

int Client::State::close_socket(void* self, curl_socket_t fd) noexcept {
  static_cast<State*>(self)->sockets.closing(fd);
  return close(fd);
}

int Client::State::on_timer(CURLM* /*multi*/, long milliseconds, void* self) noexcept {
  auto& state = *static_cast<State*>(self);
  if (milliseconds < 0) {
    state.timer.stop();
  } else {
    state.timer.start(std::chrono::milliseconds(milliseconds));
  }
  return 0;
}

void Client::State::drive(curl_socket_t fd, int events) noexcept {
  int running = 0;
  curl_multi_socket_action(multi, fd, events, &running);
  collect_finished();
}

void Client::State::collect_finished() noexcept {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    static_cast<Transfer*>(transfer)->finish(message->data.result);
  }
}

Task<Resolution> Client::State::addresses_of(const JudgedUrl& url, Deadline deadline, StopToken stop) {
  if (url.is_localhost()) co_return Resolution{Resolution::Outcome::kFound, guard.loopback_addresses()};
  Resolution found = co_await resolver->resolve(url.host(), deadline, stop);
  co_return found;
}

// Every answer must be allowed: a name that mixes a public and a private address is up to no good.
Verdict Client::State::judge(const JudgedUrl& url, const std::vector<Address>& addresses) const {
  for (const Address& address : addresses) {
    if (url.is_local_name() && !guard.is_allowed_network(address)) {
      return {false, "local_name", "the name belongs to a local network that is not allowed"};
    }
    Verdict verdict = guard.judge_target(address, url.port());
    if (!verdict.allowed) {
      // What a name server answered is not for tenants to see.
      if (is_about_address(verdict)) verdict.sentence = "the name leads to an address that is not allowed";
      return verdict;
    }
  }
  return {true, "", ""};
}

Easy Client::State::take_easy() {
  if (idle.empty()) {
    Easy easy = make_easy(options);
    curl_easy_setopt(easy.get(), CURLOPT_CLOSESOCKETFUNCTION, &State::close_socket);
    curl_easy_setopt(easy.get(), CURLOPT_CLOSESOCKETDATA, this);
    return easy;
  }
  Easy easy = std::move(idle.back());
  idle.pop_back();
  return easy;
}

void Client::State::keep_easy(Easy easy) {
  if (idle.size() < kMaxIdleHandles) idle.push_back(std::move(easy));
}

namespace {

// Keeps a transfer in the multi handle for as long as the coroutine waits for it, destruction included.
class InFlight {
 public:
  InFlight(CURLM* multi, Transfer& transfer, std::size_t& count) : multi_(multi), transfer_(transfer), count_(count) {
    if (curl_multi_add_handle(multi_, transfer_.easy()) != CURLM_OK) throw std::bad_alloc();
    count_ += 1;
  }
  ~InFlight() {
    curl_multi_remove_handle(multi_, transfer_.easy());
    count_ -= 1;
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  CURLM* multi_;
  Transfer& transfer_;
  std::size_t& count_;
};

}  // namespace

Client::Client(Loop& loop, const ClientOptions& options)
    : Client(loop, options, std::make_unique<SystemResolver>(loop, options.resolver_threads)) {}

Client::Client(Loop& loop, ClientOptions options, std::unique_ptr<Resolver> resolver)
    : state_(std::make_unique<State>(loop, std::move(options), std::move(resolver))) {}

Client::~Client() = default;

AddressGuard& Client::guard() noexcept {
  return state_->guard;
}

std::size_t Client::in_flight() const noexcept {
  return state_->in_flight;
}

Task<Response> Client::send(Request request, StopToken stop) {
  State& state = *state_;
  const auto began = Clock::now();
  const Deadline deadline = began + request.timeout;

  const Verdict sendable = judge_request(request);
  if (!sendable.allowed) co_return refused(Failure::kRefusedRequest, sendable);
  const std::shared_ptr<const JudgedUrl> url = state.urls.of(request.url);
  if (!url->verdict().allowed) {
    co_return refused(is_about_address(url->verdict()) ? Failure::kRefusedAddress : Failure::kRefusedUrl,
                      url->verdict());
  }
  std::vector<Address> pinned;
  if (!url->literal()) {
    Resolution resolved = co_await state.addresses_of(*url, deadline, stop);
    if (resolved.outcome != Resolution::Outcome::kFound) co_return failed(failure_of(resolved.outcome));
    const Verdict reachable = state.judge(*url, resolved.addresses);
    if (!reachable.allowed) {
      co_return refused(is_about_address(reachable) ? Failure::kRefusedAddress : Failure::kRefusedUrl, reachable);
    }
    pinned = std::move(resolved.addresses);
  }

  Event done(state.loop);
  Transfer transfer(state.take_easy(), state.guard, done);
  transfer.prepare(request, *url, pinned);
  Response response;
  {
    const InFlight in_flight(state.multi, transfer, state.in_flight);
    const Woken woken = co_await done.wait(deadline, stop);
    response = transfer.take_response();
    if (woken != Woken::kReady) {
      response.failure = woken == Woken::kTimeout ? Failure::kTimeout : Failure::kStopped;
      if (response.status != 0) response.cut = true;
    }
  }
  state.keep_easy(transfer.release());
  response.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
  co_return response;
}

}  // namespace sluice::http
