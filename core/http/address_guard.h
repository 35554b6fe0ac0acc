// Where Sluice may send requests (WEBHOOKS 5). The last word is on the socket address just before connecting; URLs are
// judged earlier only to refuse sooner and to explain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/address.h"

namespace sluice::http {

// `reason` is a stable class name, for machines: "private_network", "port", "url_userinfo" …; "" when allowed without
// remark. `sentence` tells a person. Neither holds anything a name server answered.
struct Verdict {
  bool allowed = false;
  std::string reason;
  std::string sentence;
};

struct Target {            // one address and port that is never a destination
  Address address;         // unspecified (0.0.0.0 or ::): every address that is not public
  std::uint16_t port = 0;  // 0: every port
};

struct GuardPolicy {
  std::vector<Network> allow_networks;  // opens ranges that are denied otherwise, on every port
  std::vector<Target> deny;             // our own listen addresses and the database, even inside allowed networks
};

class AddressGuard {
 public:
  explicit AddressGuard(GuardPolicy policy = {});

  [[nodiscard]] Verdict judge_address(const Address& address) const;
  // The address together with the port: ports outside 443, 80 and 8000–9000 need an allowed network.
  [[nodiscard]] Verdict judge_target(const Address& address, std::uint16_t port) const;

  // Everything that can be told without a network: scheme, userinfo, zone, host and port. A literal address in any form
  // that curl accepts is judged as the address it means; a name only by its text ("name_unresolved" when nothing speaks
  // against it).
  [[nodiscard]] Verdict judge_url(std::string_view url) const;
  // The host of a URL as it is requested, ASCII and without brackets; empty when judge_url refuses it.
  [[nodiscard]] std::string host_of(std::string_view url) const;

  [[nodiscard]] bool is_allowed_network(const Address& address) const noexcept;
  [[nodiscard]] std::vector<Address> loopback_addresses() const;  // those of 127.0.0.1 and ::1 that are allowed
  [[nodiscard]] static bool is_open_port(std::uint16_t port) noexcept;

  void deny(Target target);  // for what is known only at run time, such as the database's address
  [[nodiscard]] std::size_t denials() const noexcept { return policy_.deny.size(); }  // verdicts change with them

 private:
  friend class JudgedUrl;
  GuardPolicy policy_;
};

}  // namespace sluice::http
