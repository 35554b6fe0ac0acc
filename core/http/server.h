// The HTTP server of Sluice's own pages: metrics and health of every daemon, and the console. Answers on the loop, at
// once or later, and can send a body as it comes. libmicrohttpd underneath.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/loop.h"

namespace sluice::http {

using Fields = std::vector<std::pair<std::string, std::string>>;  // header lines: name, value

// What a peer sent: nothing of it is decoded (decode.h) or can be relied on.
struct ServerRequest {
  std::string method;
  std::string target;  // "/path?query"
  Fields headers;
  std::string body;

  [[nodiscard]] std::string_view path() const;   // of target
  [[nodiscard]] std::string_view query() const;  // of target, without the question mark; "" when there is none

  // All lines of that name, whatever its case, joined by ", " (RFC 9110 5.3); nothing when there are none.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

// A body that is sent piece by piece while others write it, kept between the two in at most `capacity` bytes. Belongs
// to the loop.
class Stream {
 public:
  explicit Stream(std::size_t capacity) : capacity_(capacity) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Adds the text to what is to be sent, or says false and adds nothing when the peer is so slow that there is no room.
  bool write(std::string_view text);
  // Sends what is there, and `last`, whatever room there is; then the body is at its end.
  void finish(std::string_view last = {});
  // The peer has gone, or has got everything: nobody reads any more.
  [[nodiscard]] bool gone() const noexcept { return gone_; }

 private:
  friend class Server;
  std::size_t capacity_;
  std::string pending_;
  bool finished_ = false;
  bool gone_ = false;
  std::function<void()> wake_ = [] {};  // the server waits for something to send
};

struct Reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  Fields headers = {};                       // further ones; Cache-Control is no-store unless it is among them
  std::shared_ptr<Stream> stream = nullptr;  // what follows the body
};

// Answers every request. The request lives as long as the task; an exception is answered with 500. Destroying the
// server cancels the tasks that run.
using Handler = std::function<Task<Reply>(const ServerRequest& request)>;

using Routes = std::map<std::string, std::function<Reply()>, std::less<>>;  // by path: GET and HEAD, answered at once

// What peers may make the server hold. A request line with its headers is held up to 16 KiB (431 or 414 above that).
struct ServerLimits {
  unsigned connections = 64;  // further ones wait to be accepted
  unsigned connections_an_address = 16;
  std::size_t body_bytes = 0;  // 413 above that
};

// Takes over nothing but the descriptor that it returns. Throws Error naming `option` when the address, "host:port" or
// "[v6]:port", cannot be bound; port 0 takes a free one.
[[nodiscard]] int listen_on(std::string_view address, std::string_view option);

// Takes part in the loop from construction to destruction; does not keep the loop alive by itself. A connection that is
// idle for 10 s is closed, also one whose peer does not read what is sent; one that waits for its answer is not idle.
class Server {
 public:
  // `listen` is the address for metrics.listen. Throws Error when it cannot be bound.
  Server(Loop& loop, std::string_view listen, Routes routes);
  // Takes over (and closes) a listening socket, as listen_on() and systemd give them.
  Server(Loop& loop, int listening_socket, Routes routes);
  Server(Loop& loop, int listening_socket, Handler handler, ServerLimits limits);
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
