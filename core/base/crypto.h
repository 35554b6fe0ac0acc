// Hashes, signatures and their text forms, over OpenSSL. Binary data is text of that many bytes. Functions throw Error
// when OpenSSL fails; no message holds key material. Safe from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_mac_ctx_st;

namespace sluice {

using Sha256 = std::array<std::uint8_t, 32>;
using Ed25519Seed = std::array<std::uint8_t, 32>;
using Ed25519Public = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

template <std::size_t N>
[[nodiscard]] std::string_view as_text(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

[[nodiscard]] Sha256 sha256(std::string_view data);

// Over the concatenation of `parts`. The key may be of any length, empty included.
[[nodiscard]] Sha256 hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts);

// A key that many messages are signed with, prepared once: preparing costs several times what a short message does.
// Copies share the state. One thread at a time.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  [[nodiscard]] Sha256 sign(std::initializer_list<std::string_view> parts) const;

 private:
  std::shared_ptr<evp_mac_ctx_st> context_;
};

// RFC 8032, pure Ed25519. The key pair is the seed's.
[[nodiscard]] Ed25519Public ed25519_public(const Ed25519Seed& seed);
[[nodiscard]] Ed25519Signature ed25519_sign(const Ed25519Seed& seed, std::string_view message);
[[nodiscard]] bool ed25519_verify(const Ed25519Public& key, const Ed25519Signature& signature,
                                  std::string_view message);

[[nodiscard]] std::string random_bytes(std::size_t count);

// Takes time that depends on the lengths alone.
[[nodiscard]] bool constant_time_equal(std::string_view left, std::string_view right);

// RFC 4648 section 4, padded. Decoding is strict: no white space, padding required, unused bits zero; else nothing.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

[[nodiscard]] std::string hex_encode(std::string_view bytes);  // lower case
[[nodiscard]] std::optional<std::string> hex_decode(std::string_view text);

}  // namespace sluice
