// UUIDs: 16 bytes with a text form.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;

  // Version 4, from the system's secure generator.
  [[nodiscard]] static Uuid random();

  // The 36-character form in either case; nothing for anything else.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
};

[[nodiscard]] std::string to_text(const Uuid& uuid);  // lower case

}  // namespace sluice

template <>
struct std::hash<sluice::Uuid> {
  std::size_t operator()(const sluice::Uuid& uuid) const noexcept {
    std::uint64_t halves[2];
    std::memcpy(halves, uuid.bytes.data(), sizeof halves);
    return static_cast<std::size_t>(halves[0] ^ (halves[1] * 0x9E3779B97F4A7C15U));
  }
};
