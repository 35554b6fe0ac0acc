#include "core/http/watched_sockets.h"

namespace sluice::http {

bool WatchedSockets::want(int fd, Readiness readiness) noexcept {
  try {
    Socket& socket = sockets_[fd];
    if (!socket.watch) socket.watch = std::make_unique<Watch>(loop_, fd, &WatchedSockets::on_ready, this);
    socket.wanted = static_cast<unsigned>(readiness);
    if (socket.watched != socket.wanted) socket.watch->start(readiness);
    socket.watched = socket.wanted;
    return true;
  } catch (const std::exception&) {
    sockets_.erase(fd);
    return false;
  }
}

void WatchedSockets::want_nothing(int fd) noexcept {
  if (const auto found = sockets_.find(fd); found != sockets_.end()) found->second.wanted = 0;
}

void WatchedSockets::closing(int fd) noexcept {
  sockets_.erase(fd);
}

// A kept connection on which something comes unasked is about to be closed by its peer. curl sees that itself before it
// uses the connection again.
void WatchedSockets::on_ready(void* self, int fd, unsigned ready) noexcept {
  auto& sockets = *static_cast<WatchedSockets*>(self);
  Socket& socket = sockets.sockets_.at(fd);
  if (socket.wanted == 0) {
    socket.watch->stop();
    socket.watched = 0;
  } else {
    sockets.ready_(sockets.owner_, fd, ready);
  }
}

}  // namespace sluice::http
