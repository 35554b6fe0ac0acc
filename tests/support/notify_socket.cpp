#include "tests/support/notify_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace sluice::test {
namespace {

constexpr int kPatienceMs = 40'000;

}  // namespace

NotifySocket::NotifySocket() : folder_(std::filesystem::temp_directory_path() / "sluice-notify-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("cannot make " + folder_);
  const std::string path = folder_ + "/socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long for a socket: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot listen at " + path);
  }
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
}

NotifySocket::~NotifySocket() {
  unsetenv("NOTIFY_SOCKET");
  close(socket_);
  std::filesystem::remove_all(folder_);
}

std::string NotifySocket::read_until(std::string_view expected) {
  std::string all;
  pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, kPatienceMs) == 1) {
    char buffer[4096];
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got < 0) break;
    const std::string_view message(buffer, static_cast<std::size_t>(got));
    all += message;
    all += '\n';
    if (message == expected) break;
  }
  return all;
}

}  // namespace sluice::test
