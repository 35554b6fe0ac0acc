#include "core/base/sealing.h"

#include <gtest/gtest.h>

#include "core/base/crypto.h"
#include "core/base/errors.h"

namespace sluice {
namespace {

const std::string kKey(kSealingKeyBytes, 'k');

TEST(Sealing, WhatWasSealedOpensWithItsKeyAndBindingAlone) {
  for (const std::string& text : {std::string(), std::string("whsec_abc"), std::string(1000, '\0')}) {
    const std::string sealed = seal(kKey, text, "a:hmac");
    EXPECT_EQ(unseal(kKey, sealed, "a:hmac"), text);
    EXPECT_FALSE(unseal(kKey, sealed, "b:hmac"));
    EXPECT_FALSE(unseal(std::string(kSealingKeyBytes, 'x'), sealed, "a:hmac"));
  }
}

TEST(Sealing, AnyChangedByteIsNoticed) {
  const std::string sealed = seal(kKey, "a secret", "e");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unseal(kKey, changed, "e")) << "byte " << i;
  }
  EXPECT_FALSE(unseal(kKey, sealed.substr(0, sealed.size() - 1), "e"));
  EXPECT_FALSE(unseal(kKey, "", "e"));
}

TEST(Sealing, TheSameTextIsNeverSealedAlike) {
  EXPECT_NE(seal(kKey, "a secret", "e"), seal(kKey, "a secret", "e"));
}

TEST(Sealing, TheFormIsNonceTextTagOfAes256Gcm) {
  // Test case 14 of the GCM specification's AES-256 vectors: key and nonce of zeros, sixteen zero bytes of text.
  const std::string zeros(kSealingKeyBytes, '\0');
  const auto sealed =
      hex_decode("000000000000000000000000cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  ASSERT_TRUE(sealed);
  EXPECT_EQ(unseal(zeros, *sealed, ""), std::string(16, '\0'));
}

TEST(Sealing, AKeyOfAnotherLengthIsRefused) {
  EXPECT_THROW((void)seal("short", "a secret", "e"), Error);
}

}  // namespace
}  // namespace sluice
