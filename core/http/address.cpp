#include "core/http/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "core/base/errors.h"

namespace sluice::http {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

[[noreturn]] void refuse_network(std::string_view text, const std::string& why) {
  throw ConfigError("bad network '" + std::string(text) + "': " + why,
                    "write it as ADDRESS/PREFIX, such as 10.0.0.0/8");
}

}  // namespace

Address Address::v4(std::uint32_t host_order) noexcept {
  Address address;
  for (int i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Address Address::v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  Address address;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
    std::copy_n(bytes.begin() + 12, 4, address.bytes_.begin());
  } else {
    address.v4_ = false;
    address.bytes_ = bytes;
  }
  return address;
}

std::optional<Address> Address::from_socket(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return v4(ntohl(in.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return v6(bytes);
  }
  return std::nullopt;
}

std::optional<Address> Address::from_numeric(std::string_view host) {
  if (host.empty() || host.find('\0') != std::string_view::npos) return std::nullopt;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  return from_socket(found->ai_addr);
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

Network Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const std::string host(text.substr(0, slash));
  const bool v6_text = host.find(':') != std::string::npos;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(v6_text ? AF_INET6 : AF_INET, host.c_str(), bytes.data()) != 1) {
    refuse_network(text, "'" + host + "' is no address");
  }
  const int width = v6_text ? 128 : 32;
  int prefix = width;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix < 0 || prefix > width) {
      refuse_network(text, "the prefix must be 0 to " + std::to_string(width));
    }
  }
  for (int bit = prefix; bit < width; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) refuse_network(text, "it has bits set beyond its prefix");
  }
  if (!v6_text) {
    return {Address::v4(std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
                        std::uint32_t{bytes[2]} << 8U | bytes[3]),
            prefix};
  }
  const Address base = Address::v6(bytes);
  if (!base.is_v4()) return {base, prefix};
  if (prefix < 96) refuse_network(text, "a mapped network needs a prefix of 96 or more");
  return {base, prefix - 96};
}

bool Network::contains(const Address& address) const noexcept {
  if (address.is_v4() != base_.is_v4()) return false;
  const int whole = prefix_ / 8;
  if (!std::equal(base_.bytes().begin(), base_.bytes().begin() + whole, address.bytes().begin())) return false;
  const int rest = prefix_ % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return (base_.bytes()[whole] & mask) == (address.bytes()[whole] & mask);
}

std::string Network::text() const {
  return base_.text() + "/" + std::to_string(prefix_);
}

}  // namespace sluice::http
