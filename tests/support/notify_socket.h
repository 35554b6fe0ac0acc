// systemd's end of the notification protocol: what a daemon says at $NOTIFY_SOCKET.
#pragma once

#include <string>
#include <string_view>

namespace sluice::test {

// Sets NOTIFY_SOCKET for processes that are started while this is there. One at a time.
class NotifySocket {
 public:
  NotifySocket();
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // Reads until a message is `expected` ("READY=1", "STATUS=…") and returns all of them, a line each; after 40 s
  // without one also.
  std::string read_until(std::string_view expected);

 private:
  std::string folder_;
  int socket_ = -1;
};

}  // namespace sluice::test
