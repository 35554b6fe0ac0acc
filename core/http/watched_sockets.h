// curl's sockets on the loop. curl takes its interest in a connection back when a request on it has ended and asks for
// the same again at the next; the kernel is not told of that, which saves several system calls a request.
#pragma once

#include <memory>
#include <unordered_map>

#include "core/async/callbacks.h"

namespace sluice::http {

class WatchedSockets {
 public:
  // `ready` is called for what is wanted, with Readiness bits.
  WatchedSockets(Loop& loop, Watch::Callback ready, void* owner) : loop_(loop), ready_(ready), owner_(owner) {}
  WatchedSockets(const WatchedSockets&) = delete;
  WatchedSockets& operator=(const WatchedSockets&) = delete;

  // False when the descriptor cannot be watched.
  [[nodiscard]] bool want(int fd, Readiness readiness) noexcept;
  void want_nothing(int fd) noexcept;
  void closing(int fd) noexcept;  // before the descriptor is closed

 private:
  struct Socket {
    std::unique_ptr<Watch> watch;
    unsigned wanted = 0;
    unsigned watched = 0;  // what the kernel was asked for
  };
  static void on_ready(void* self, int fd, unsigned ready) noexcept;

  Loop& loop_;
  Watch::Callback ready_;
  void* owner_;
  std::unordered_map<int, Socket> sockets_;
};

}  // namespace sluice::http
