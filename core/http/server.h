// A small HTTP server for operators (metrics, health): GET and HEAD of fixed paths, answered on the loop. libmicrohttpd
// underneath.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/async/loop.h"

namespace sluice::http {

struct Reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

using Routes = std::map<std::string, std::function<Reply()>, std::less<>>;  // by path

// Takes part in the loop from construction to destruction; does not keep the loop alive by itself. At most 64
// connections, 16 an address, each idle for at most 10 s.
class Server {
 public:
  // `listen` is "host:port" or "[v6]:port"; port 0 takes a free one. Throws Error when it cannot be bound.
  Server(Loop& loop, std::string_view listen, Routes routes);
  // Takes over (and closes) a listening socket, as systemd passes them.
  Server(Loop& loop, int listening_socket, Routes routes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] std::string address() const;  // "127.0.0.1:9464"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::http
