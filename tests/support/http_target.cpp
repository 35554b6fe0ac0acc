#include "tests/support/http_target.h"

#include <arpa/inet.h>
#include <microhttpd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace sluice::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

}  // namespace

struct HttpTarget::State {
  Answer answer;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::vector<SeenRequest> seen;
  MHD_Daemon* daemon = nullptr;
  unsigned port = 0;

  static MHD_Result add_header(void* request, MHD_ValueKind, const char* name, const char* value) {
    std::string key(name);
    std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    static_cast<SeenRequest*>(request)->headers[key] = value == nullptr ? "" : value;
    return MHD_YES;
  }

  static MHD_Result handle(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                           const char* upload, size_t* upload_size, void** context) {
    auto* request = static_cast<SeenRequest*>(*context);
    if (request == nullptr) {
      request = new SeenRequest{.method = method, .path = url, .headers = {}, .body = {}};
      MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, request);
      *context = request;
      return MHD_YES;
    }
    if (*upload_size > 0) {
      request->body.append(upload, *upload_size);
      *upload_size = 0;
      return MHD_YES;
    }
    auto* state = static_cast<State*>(self);
    int count = 0;
    {
      const std::scoped_lock lock(state->mutex);
      state->seen.push_back(*request);
      count = static_cast<int>(state->seen.size());
      state->changed.notify_all();
    }
    const TargetReply reply = state->answer(*request, count);
    MHD_Response* response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "content-type", "application/json");
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
    MHD_destroy_response(response);
    return queued;
  }

  static void completed(void*, MHD_Connection*, void** context, MHD_RequestTerminationCode) {
    delete static_cast<SeenRequest*>(*context);
    *context = nullptr;
  }
};

HttpTarget::HttpTarget(Answer answer) : state_(std::make_unique<State>()) {
  state_->answer = std::move(answer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  state_->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, nullptr,
                                    nullptr, &State::handle, state_.get(), MHD_OPTION_SOCK_ADDR, &address,
                                    MHD_OPTION_NOTIFY_COMPLETED, &State::completed, nullptr, MHD_OPTION_END);
  if (state_->daemon == nullptr) throw std::runtime_error("cannot start the HTTP target");
  state_->port = MHD_get_daemon_info(state_->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

HttpTarget::~HttpTarget() {
  MHD_stop_daemon(state_->daemon);
}

std::string HttpTarget::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(state_->port) + path;
}

std::vector<SeenRequest> HttpTarget::seen() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->seen;
}

void HttpTarget::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(state_->mutex);
  if (!state_->changed.wait_for(lock, kPatience, [&] { return state_->seen.size() >= count; })) {
    throw std::runtime_error("only " + std::to_string(state_->seen.size()) + " of " + std::to_string(count) +
                             " requests came");
  }
}

struct Gate::State {
  std::mutex mutex;
  std::condition_variable opened;
  bool is_open = false;
};

Gate::Gate() : state_(std::make_shared<State>()) {}

void Gate::open() {
  const std::scoped_lock lock(state_->mutex);
  state_->is_open = true;
  state_->opened.notify_all();
}

void Gate::wait() const {
  std::unique_lock lock(state_->mutex);
  state_->opened.wait_for(lock, kPatience, [&] { return state_->is_open; });
}

}  // namespace sluice::test
