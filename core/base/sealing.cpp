#include "core/base/sealing.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "core/base/crypto.h"
#include "core/base/errors.h"

namespace sluice {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

void require(bool done) {
  if (done) return;
  ERR_clear_error();
  throw Error("cannot encrypt or decrypt: openssl failed");
}

Cipher start(bool encrypt, std::string_view key, std::string_view nonce, std::string_view bound_to) {
  if (key.size() != kSealingKeyBytes) throw Error("an encryption key has 32 bytes");
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  require(cipher && EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce),
                                      encrypt ? 1 : 0) == 1);
  int size = 0;
  require(EVP_CipherUpdate(cipher.get(), nullptr, &size, bytes_of(bound_to), static_cast<int>(bound_to.size())) == 1);
  return cipher;
}

}  // namespace

std::string seal(std::string_view key, std::string_view text, std::string_view bound_to) {
  const std::string nonce = random_bytes(kNonceBytes);
  const Cipher cipher = start(true, key, nonce, bound_to);
  std::string sealed(text.size(), '\0');
  std::string tag(kTagBytes, '\0');
  int size = 0;
  require(EVP_CipherUpdate(cipher.get(), bytes_of(sealed), &size, bytes_of(text), static_cast<int>(text.size())) == 1 &&
          EVP_CipherFinal_ex(cipher.get(), bytes_of(sealed) + size, &size) == 1 &&
          EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1);
  return nonce + sealed + tag;
}

std::optional<std::string> unseal(std::string_view key, std::string_view sealed, std::string_view bound_to) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const Cipher cipher = start(false, key, sealed.substr(0, kNonceBytes), bound_to);
  const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string text(body.size(), '\0');
  int size = 0;
  require(EVP_CipherUpdate(cipher.get(), bytes_of(text), &size, bytes_of(body), static_cast<int>(body.size())) == 1 &&
          EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_CipherFinal_ex(cipher.get(), bytes_of(text) + size, &size) == 1) return text;
  ERR_clear_error();
  return std::nullopt;
}

}  // namespace sluice
