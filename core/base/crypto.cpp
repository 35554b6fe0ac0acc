#include "core/base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>

#include "core/base/errors.h"

namespace sluice {
namespace {

template <auto Free>
struct FreeWith {
  void operator()(auto* held) const noexcept { Free(held); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<&EVP_MD_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;

[[noreturn]] void fail(const char* what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  throw Error(std::string("cannot ") + what + ": " + (reason != nullptr ? reason : "openssl gives no reason"));
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Looking an algorithm up costs more than a short hash, so it is done once.
EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (algorithm == nullptr) fail("load hmac");
  return algorithm;
}
EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (algorithm == nullptr) fail("load sha256");
  return algorithm;
}

Key private_key(const Ed25519Seed& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key) fail("read an ed25519 seed");
  return key;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_value(char digit) {
  const auto at = kBase64.find(digit);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

Sha256 sha256(std::string_view data) {
  static thread_local const DigestContext context(EVP_MD_CTX_new());  // making one costs more than a short hash, too
  Sha256 digest;
  unsigned size = 0;
  if (!context || EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) {
    fail("hash with sha256");
  }
  return digest;
}

HmacKey::HmacKey(std::string_view key) : context_(EVP_MAC_CTX_new(hmac_algorithm()), &EVP_MAC_CTX_free) {
  if (!context_) fail("start an hmac");
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                                   OSSL_PARAM_construct_end()};
  // A null key would mean "the key given before"; an empty one needs an address.
  const unsigned char* key_bytes = key.empty() ? bytes_of("") : bytes_of(key);
  if (EVP_MAC_init(context_.get(), key_bytes, key.size(), parameters) != 1) fail("start an hmac");
}

Sha256 HmacKey::sign(std::initializer_list<std::string_view> parts) const {
  if (EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) fail("start an hmac");  // with the key given before
  for (const std::string_view part : parts) {
    if (EVP_MAC_update(context_.get(), bytes_of(part), part.size()) != 1) fail("compute an hmac");
  }
  Sha256 digest;
  std::size_t size = 0;
  if (EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) != 1) fail("finish an hmac");
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts) {
  return HmacKey(key).sign(parts);
}

Ed25519Public ed25519_public(const Ed25519Seed& seed) {
  const Key key = private_key(seed);
  Ed25519Public bytes;
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1) fail("derive an ed25519 public key");
  return bytes;
}

Ed25519Signature ed25519_sign(const Ed25519Seed& seed, std::string_view message) {
  const Key key = private_key(seed);
  const DigestContext context(EVP_MD_CTX_new());
  Ed25519Signature signature;
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(message), message.size()) != 1) {
    fail("sign with ed25519");
  }
  return signature;
}

bool ed25519_verify(const Ed25519Public& public_key, const Ed25519Signature& signature, std::string_view message) {
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const DigestContext context(EVP_MD_CTX_new());
  if (!key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) {
    fail("read an ed25519 public key");
  }
  const bool good =
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes_of(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    fail("draw random bytes");
  return bytes;
}

bool constant_time_equal(std::string_view left, std::string_view right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string base64_encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  std::size_t out = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8U | (i < count ? static_cast<std::uint8_t>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i <= count; ++i) text[out + i] = kBase64[group >> (18 - 6 * i) & 0x3FU];
    out += 4;
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char digit : text.substr(0, text.size() - padding)) {
    const int value = base64_value(digit);
    if (value < 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<char>(bits >> held & 0xFFU));
    }
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;  // bits that no encoder leaves behind
  return bytes;
}

std::string hex_encode(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto byte = static_cast<std::uint8_t>(bytes[at]);
    text[2 * at] = kDigits[byte >> 4U];
    text[2 * at + 1] = kDigits[byte & 0x0FU];
  }
  return text;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace sluice
