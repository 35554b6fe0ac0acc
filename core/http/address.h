// An IPv4 or IPv6 address and a network of addresses, apart from any socket.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace sluice::http {

// Always held unmapped: ::ffff:a.b.c.d is the IPv4 address a.b.c.d, since that is where a connection to it goes.
class Address {
 public:
  [[nodiscard]] static Address v4(std::uint32_t host_order) noexcept;
  [[nodiscard]] static Address v6(const std::array<std::uint8_t, 16>& bytes) noexcept;

  // Nothing for families other than AF_INET and AF_INET6.
  [[nodiscard]] static std::optional<Address> from_socket(const sockaddr* address) noexcept;

  // Every numeric form that getaddrinfo accepts as a host: 127.0.0.1, 2130706433, 0x7f.1, ::1. Never asks a name
  // server.
  [[nodiscard]] static std::optional<Address> from_numeric(std::string_view host);

  [[nodiscard]] bool is_v4() const noexcept { return v4_; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string text() const;

  bool operator==(const Address&) const = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four
};

class Network {
 public:
  // "10.0.0.0/8", "2001:db8::/32"; an address alone is a network of one. Bits beyond the prefix must be 0. Throws
  // ConfigError.
  [[nodiscard]] static Network parse(std::string_view text);
  Network(Address base, int prefix) noexcept : base_(base), prefix_(prefix) {}

  [[nodiscard]] bool contains(const Address& address) const noexcept;
  [[nodiscard]] std::string text() const;

 private:
  Address base_;
  int prefix_;
};

}  // namespace sluice::http
