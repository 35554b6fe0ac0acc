#include "core/base/uuid.h"

#include <algorithm>

#include "core/base/crypto.h"

namespace sluice {
namespace {

constexpr std::size_t kTextLength = 36;
constexpr bool is_dash(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

}  // namespace

Uuid Uuid::random() {
  Uuid uuid;
  const std::string bytes = random_bytes(uuid.bytes.size());
  std::ranges::copy(bytes, uuid.bytes.begin());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0FU) | 0x40U);  // version 4
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3FU) | 0x80U);  // RFC 9562's variant
  return uuid;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  std::string digits;
  for (std::size_t at = 0; at < kTextLength; ++at) {
    if (is_dash(at) != (text[at] == '-')) return std::nullopt;
    if (!is_dash(at)) digits.push_back(text[at]);
  }
  const std::optional<std::string> bytes = hex_decode(digits);
  if (!bytes) return std::nullopt;
  Uuid uuid;
  std::ranges::copy(*bytes, uuid.bytes.begin());
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text = hex_encode(as_text(uuid.bytes));
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace sluice
