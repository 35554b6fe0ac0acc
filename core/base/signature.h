// The signature headers of a webhook (WEBHOOKS 1; Standard Webhooks 1.0.0).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/crypto.h"

namespace sluice {

// A secret that signs in one of the two standard schemes:
//   v1    "whsec_" base64 of 24–64 random bytes: HMAC-SHA256
//   v1a   "whsk_" base64 of an Ed25519 seed and its public key, 64 bytes in all
class SigningSecret {
 public:
  // Throws Error saying what is wrong, without the secret, for any other text. Used by one thread at a time.
  [[nodiscard]] static SigningSecret parse(std::string_view text);

  // One item of the webhook-signature header, "v1,…" or "v1a,…", over `id.timestamp.body`.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body) const;

  // What a receiver verifies v1a with: "whpk_" base64 of the public key. Nothing for v1.
  [[nodiscard]] std::optional<std::string> public_key() const;

 private:
  SigningSecret() = default;
  std::optional<HmacKey> hmac_key_;  // absent for v1a
  Ed25519Seed seed_{};
};

inline constexpr std::size_t kMaxSignatures = 10;

// The value of webhook-signature: one item a secret in the order given (the newest first), parted by one blank.
// `timestamp` is in Unix seconds. Throws Error for no secret, more than kMaxSignatures, or an id that is empty or has a
// '.' in it.
[[nodiscard]] std::string webhook_signature(std::span<const SigningSecret> secrets, std::string_view id,
                                            std::int64_t timestamp, std::string_view body);

// The value of x-webhook-signature: "sha256=" and the HMAC-SHA256 of the body alone. The key is the secret's text as it
// stands, prefix included. Throws Error for an empty secret.
[[nodiscard]] std::string legacy_signature(std::string_view secret_text, std::string_view body);
[[nodiscard]] std::string legacy_signature(const HmacKey& secret_text, std::string_view body);

}  // namespace sluice
