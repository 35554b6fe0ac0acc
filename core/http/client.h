// The guarded HTTP client: curl's multi interface on the loop. Hundreds of requests in flight share connections, HTTP/2
// streams and TLS sessions; every one is judged by the guard, as text, as resolved and at the socket.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/async/loop.h"
#include "core/http/address_guard.h"
#include "core/http/request.h"
#include "core/http/resolver.h"

namespace sluice::http {

struct ClientOptions {
  GuardPolicy policy;
  std::string ca_file;  // trusted certificates instead of the system's; "" = the system's
  std::string user_agent = "sluice/" SLUICE_VERSION;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::seconds max_connection_age{60};  // a kept-alive connection is not judged again, so its age is bounded
  int max_idle_connections = 1024;              // more than are in flight, or they are closed after each use
  int resolver_threads = 4;
};

class Client {
 public:
  Client(Loop& loop, const ClientOptions& options);
  Client(Loop& loop, ClientOptions options, std::unique_ptr<Resolver> resolver);
  ~Client();  // after every send() has ended or its task was destroyed
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One attempt; never follows a redirect, never retries. Destroying the task aborts the request.
  [[nodiscard]] Task<Response> send(Request request, StopToken stop = {});

  [[nodiscard]] AddressGuard& guard() noexcept;
  [[nodiscard]] std::size_t in_flight() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::http
