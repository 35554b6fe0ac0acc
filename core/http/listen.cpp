// Binding a listening socket.
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/base/errors.h"
#include "core/http/server.h"

namespace sluice::http {
namespace {

constexpr int kBacklog = 64;

[[noreturn]] void cannot_listen(std::string_view where, std::string_view option, const std::string& why) {
  throw Error("cannot listen on '" + std::string(where) + "': " + why,
              "choose another " + std::string(option) + ", as HOST:PORT");
}

}  // namespace

int listen_on(std::string_view address, std::string_view option) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) cannot_listen(address, option, "the port is missing");
  std::string host(address.substr(0, colon));
  const std::string port(address.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int status = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
      status != 0) {
    cannot_listen(address, option, gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  // Connections of a predecessor that was killed linger on the port; they must not keep it from us.
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener, found->ai_addr, found->ai_addrlen) != 0 || listen(listener, kBacklog) != 0) {
    const std::string why = std::generic_category().message(errno);
    if (listener >= 0) close(listener);
    cannot_listen(address, option, why);
  }
  return listener;
}

}  // namespace sluice::http
