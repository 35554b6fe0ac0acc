#include "core/service/webhook_keys.h"

#include <gtest/gtest.h>

#include "core/base/errors.h"

namespace sluice {
namespace {

const Uuid kEndpoint = *Uuid::parse("0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10");
const Uuid kOther = *Uuid::parse("0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a11");

Secrets with(const std::string& lines) {
  return {"", {{"SLUICE_SECRET_WEBHOOK_KEYS", lines}}};
}

TEST(WebhookKeys, TheFirstLineEncryptsAndTheOthersStillDecrypt) {
  const std::string first = WebhookKeys::make_line("a");
  const std::string second = WebhookKeys::make_line("b");
  const Secrets before = with(first);
  const Secrets after = with(second + "\n" + first + "\n");
  const WebhookKeys old_keys(before);
  const WebhookKeys keys(after);
  const auto sealed = WebhookKeys::seal(*old_keys.current(), "whsec_x", kEndpoint, "hmac");
  EXPECT_EQ(sealed.key_id, "a");
  EXPECT_EQ(keys.current()->id, "b");
  EXPECT_EQ(keys.unseal(sealed.key_id, sealed.ciphertext, kEndpoint, "hmac"), "whsec_x");
}

TEST(WebhookKeys, ASecretOpensForItsEndpointAndKindAlone) {
  const Secrets secrets = with(WebhookKeys::make_line("a"));
  const WebhookKeys keys(secrets);
  const auto sealed = WebhookKeys::seal(*keys.current(), "whsec_x", kEndpoint, "hmac");
  EXPECT_THROW((void)keys.unseal("a", sealed.ciphertext, kOther, "hmac"), Error);
  EXPECT_THROW((void)keys.unseal("a", sealed.ciphertext, kEndpoint, "legacy"), Error);
  EXPECT_THROW((void)keys.unseal("gone", sealed.ciphertext, kEndpoint, "hmac"), Error);
}

TEST(WebhookKeys, NoKeyIsNoErrorAndAMalformedOneNamesItsLineAndNotItsKey) {
  const Secrets none("", {});
  EXPECT_FALSE(WebhookKeys(none).current());
  const Secrets bad = with(WebhookKeys::make_line("a") + "\nb c2hvcnQ=\n");
  try {
    (void)WebhookKeys(bad).current();
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("c2hvcnQ"), std::string::npos);
  }
  EXPECT_THROW((void)WebhookKeys::make_line("a b"), UsageError);
}

}  // namespace
}  // namespace sluice
