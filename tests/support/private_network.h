// A network of a test's own, in which it may hold any address, public ones too, and answer for the name server. The
// processes that are started in it see no other; the file system and unix sockets stay as they are.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sluice::test {

class PrivateNetwork {
 public:
  // Whether the kernel lets us make one. Call it while the process has no other thread: whoever is not root enters a
  // user namespace for it.
  [[nodiscard]] static bool permitted();

  // Holds 127.0.0.0/8 and `addresses`, IPv4 or IPv6. Names are asked at 127.0.0.1.
  explicit PrivateNetwork(const std::vector<std::string>& addresses);
  ~PrivateNetwork();
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;

  // On a thread of its own in this network, to its end; throws what it threw. Sockets that it makes and processes that
  // it starts stay in the network.
  void within(const std::function<void()>& call) const;

 private:
  int network_ = -1;
  int files_ = -1;  // the view of the file system, with its own resolv.conf
};

}  // namespace sluice::test
