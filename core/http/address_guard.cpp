#include "core/http/address_guard.h"

#include <algorithm>
#include <span>

#include "core/http/judged_url.h"

namespace sluice::http {
namespace {

struct Denied {
  std::string_view network;
  std::string_view reason;
  std::string_view what;
};

// IANA's special-purpose registries, and what clouds answer on.
constexpr Denied kDenied[] = {
    {"0.0.0.0/8", "this_network", "this host on this network"},
    {"10.0.0.0/8", "private_network", "private use"},
    {"100.64.0.0/10", "shared_network", "carrier-grade NAT"},
    {"127.0.0.0/8", "loopback", "loopback"},
    {"168.63.129.16/32", "cloud_metadata", "a cloud's host agent"},
    {"169.254.0.0/16", "link_local", "link-local, where clouds serve metadata"},
    {"172.16.0.0/12", "private_network", "private use"},
    {"192.0.0.0/24", "special_purpose", "protocol assignments"},
    {"192.0.2.0/24", "documentation", "documentation"},
    {"192.88.99.0/24", "relay", "6to4 relays"},
    {"192.168.0.0/16", "private_network", "private use"},
    {"198.18.0.0/15", "benchmarking", "benchmarking"},
    {"198.51.100.0/24", "documentation", "documentation"},
    {"203.0.113.0/24", "documentation", "documentation"},
    {"224.0.0.0/4", "multicast", "multicast"},
    {"240.0.0.0/4", "reserved", "reserved"},
    {"::/128", "this_network", "the unspecified address"},
    {"::1/128", "loopback", "loopback"},
    {"fc00::/7", "private_network", "unique local"},
    {"fe80::/10", "link_local", "link-local"},
    {"ff00::/8", "multicast", "multicast"},
    {"2001::/23", "special_purpose", "protocol assignments, Teredo among them"},
    {"2001:db8::/32", "documentation", "documentation"},
    {"2002::/16", "relay", "6to4"},
    {"3fff::/20", "documentation", "documentation"},
};

struct DeniedNetwork {
  Network network;
  const Denied* row;
};

std::span<const DeniedNetwork> denied_networks() {
  static const std::vector<DeniedNetwork> parsed = [] {
    std::vector<DeniedNetwork> rows;
    for (const Denied& row : kDenied) rows.push_back({Network::parse(row.network), &row});
    return rows;
  }();
  return parsed;
}

const Network& global_unicast_v6() {
  static const Network network = Network::parse("2000::/3");
  return network;
}

// The IPv4 address inside 64:ff9b::/96 (RFC 6052), where a translator would take the connection.
std::optional<Address> translated(const Address& address) {
  static const Network nat64 = Network::parse("64:ff9b::/96");
  if (!nat64.contains(address)) return std::nullopt;
  const auto& bytes = address.bytes();
  return Address::v4(std::uint32_t{bytes[12]} << 24U | std::uint32_t{bytes[13]} << 16U |
                     std::uint32_t{bytes[14]} << 8U | bytes[15]);
}

Verdict judge_range(const Address& address) {
  for (const DeniedNetwork& denied : denied_networks()) {
    if (!denied.network.contains(address)) continue;
    return {false, std::string(denied.row->reason),
            address.text() + " is in " + std::string(denied.row->network) + " (" + std::string(denied.row->what) + ")"};
  }
  if (!address.is_v4() && !global_unicast_v6().contains(address)) {
    return {false, "reserved", address.text() + " is outside 2000::/3 (global unicast)"};
  }
  return {true, "", ""};
}

bool is_unspecified(const Address& address) {
  return std::ranges::all_of(address.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

AddressGuard::AddressGuard(GuardPolicy policy) : policy_(std::move(policy)) {}

void AddressGuard::deny(Target target) {
  policy_.deny.push_back(target);
}

bool AddressGuard::is_allowed_network(const Address& address) const noexcept {
  return std::ranges::any_of(policy_.allow_networks, [&](const Network& network) { return network.contains(address); });
}

std::vector<Address> AddressGuard::loopback_addresses() const {
  std::vector<Address> addresses{Address::v4(0x7f000001), *Address::from_numeric("::1")};
  std::erase_if(addresses, [this](const Address& address) { return !is_allowed_network(address); });
  return addresses;
}

bool AddressGuard::is_open_port(std::uint16_t port) noexcept {
  return port == 443 || port == 80 || (port >= 8000 && port <= 9000);
}

Verdict AddressGuard::judge_address(const Address& address) const {
  if (is_allowed_network(address)) return {true, "allowed_network", address.text() + " is in an allowed network"};
  if (const auto inner = translated(address)) return judge_address(*inner);
  return judge_range(address);
}

Verdict AddressGuard::judge_target(const Address& address, std::uint16_t port) const {
  for (const Target& target : policy_.deny) {
    // A service that listens everywhere is met on every address of this machine, and those are not public ones.
    const bool everywhere = is_unspecified(target.address) && !judge_range(address).allowed;
    if ((target.address == address || everywhere) && (target.port == 0 || target.port == port)) {
      return {false, "own_service", "Sluice or its database listens there"};
    }
  }
  Verdict verdict = judge_address(address);
  if (!verdict.allowed || verdict.reason == "allowed_network" || is_open_port(port)) return verdict;
  return {false, "port", "port " + std::to_string(port) + " is not open to requests; 443, 80 and 8000 to 9000 are"};
}

Verdict AddressGuard::judge_url(std::string_view url) const {
  return JudgedUrl(*this, url).verdict();
}

std::string AddressGuard::host_of(std::string_view url) const {
  const JudgedUrl judged(*this, url);
  return judged.verdict().allowed ? judged.host() : std::string();
}

}  // namespace sluice::http
