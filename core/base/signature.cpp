#include "core/base/signature.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"

namespace sluice {
namespace {

constexpr std::string_view kHmacPrefix = "whsec_";
constexpr std::string_view kPrivatePrefix = "whsk_";
constexpr std::string_view kPublicPrefix = "whpk_";
constexpr std::size_t kMinHmacKey = 24;
constexpr std::size_t kMaxHmacKey = 64;

std::string decoded(std::string_view text, std::string_view prefix) {
  std::optional<std::string> bytes = base64_decode(text.substr(prefix.size()));
  if (!bytes) {
    throw Error(fmt::format("signing secret is not base64 after {}", prefix),
                "standard base64 with its padding, without line breaks");
  }
  return std::move(*bytes);
}

}  // namespace

SigningSecret SigningSecret::parse(std::string_view text) {
  SigningSecret secret;
  if (text.starts_with(kHmacPrefix)) {
    const std::string key = decoded(text, kHmacPrefix);
    if (key.size() < kMinHmacKey || key.size() > kMaxHmacKey) {
      throw Error(fmt::format("signing secret has {} bytes after {}, not {} to {}", key.size(), kHmacPrefix,
                              kMinHmacKey, kMaxHmacKey),
                  "32 random bytes are usual");
    }
    secret.hmac_key_.emplace(key);
    return secret;
  }
  if (text.starts_with(kPrivatePrefix)) {
    const std::string pair = decoded(text, kPrivatePrefix);
    if (pair.size() != 2 * secret.seed_.size()) {
      throw Error(fmt::format("signing key has {} bytes after {}, not 64", pair.size(), kPrivatePrefix),
                  "the 32 bytes of the seed, then the 32 of the public key");
    }
    std::copy_n(pair.begin(), secret.seed_.size(), secret.seed_.begin());
    if (!constant_time_equal(as_text(ed25519_public(secret.seed_)),
                             std::string_view(pair).substr(secret.seed_.size()))) {
      throw Error(
          fmt::format("the public half of the signing key after {} does not belong to its seed", kPrivatePrefix));
    }
    return secret;
  }
  throw Error("signing secret begins with neither whsec_ nor whsk_",
              "a secret without prefix serves the x-webhook-signature header alone");
}

std::string SigningSecret::sign(std::string_view id, std::int64_t timestamp, std::string_view body) const {
  const std::string head = fmt::format("{}.{}.", id, timestamp);
  if (hmac_key_) return "v1," + base64_encode(as_text(hmac_key_->sign({head, body})));
  return "v1a," + base64_encode(as_text(ed25519_sign(seed_, head + std::string(body))));
}

std::optional<std::string> SigningSecret::public_key() const {
  if (hmac_key_) return std::nullopt;
  return std::string(kPublicPrefix) + base64_encode(as_text(ed25519_public(seed_)));
}

std::string webhook_signature(std::span<const SigningSecret> secrets, std::string_view id, std::int64_t timestamp,
                              std::string_view body) {
  if (secrets.empty()) throw Error("a webhook cannot be signed without a secret");
  if (secrets.size() > kMaxSignatures) {
    throw Error(fmt::format("{} signing secrets are more than {}", secrets.size(), kMaxSignatures),
                "retire old secrets");
  }
  if (id.empty() || id.find('.') != std::string_view::npos) {
    throw Error(fmt::format("webhook id '{}' is empty or has a '.'", id));
  }
  std::string header;
  for (const SigningSecret& secret : secrets) {
    if (!header.empty()) header.push_back(' ');
    header.append(secret.sign(id, timestamp, body));
  }
  return header;
}

std::string legacy_signature(std::string_view secret_text, std::string_view body) {
  if (secret_text.empty()) throw Error("a webhook cannot be signed with an empty secret");
  return legacy_signature(HmacKey(secret_text), body);
}

std::string legacy_signature(const HmacKey& secret_text, std::string_view body) {
  return "sha256=" + hex_encode(as_text(secret_text.sign({body})));
}

}  // namespace sluice
