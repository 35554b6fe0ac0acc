// Where Sluice may send requests (WEBHOOKS 5). The last word is on the socket address just before connecting; URLs are judged
// earlier only to refuse sooner and to explain. Tables and policy hold no state: a guard is shared freely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/address.h"

namespace sluice::http {

// `reason` is a stable class name, for machines: "private_network", "port", "url_userinfo" …; "" when allowed without remark.
// `sentence` tells a person. Neither holds anything a name server answered.
struct Verdict {
  bool allowed = false;
  std::string reason;
  std::string sentence;
};

struct Target {  // one host and port that is never a destination, such as our own metrics listener
  Address address;
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

  // Everything that can be told without a network: scheme, userinfo, zone, host and port. A literal address in any form that
  // curl accepts is judged as the address it means; a name only by its text ("name_unresolved" when nothing speaks against it).
  [[nodiscard]] Verdict judge_url(std::string_view url) const;

  // A header that a user gives: a token as name, no CR, LF or NUL in the value, none of the names that belong to the connection
  // (Host, Content-Length, Transfer-Encoding, hop-by-hop) or to the signature (webhook-*, x-webhook-signature).
  [[nodiscard]] static Verdict judge_header(std::string_view name, std::string_view value);

  [[nodiscard]] bool is_allowed_network(const Address& address) const noexcept;

 private:
  friend class JudgedUrl;
  GuardPolicy policy_;
};

}  // namespace sluice::http
