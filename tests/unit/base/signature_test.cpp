#include "core/base/signature.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "core/base/errors.h"
#include "core/base/json.h"

namespace sluice {
namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

std::string refusal(std::string_view secret) {
  try {
    (void)SigningSecret::parse(secret);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Signature, AgreesWithTheSharedCases) {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/cases/hmac.json");
  if (!file) GTEST_SKIP() << "../shared/cases is not beside the source tree";
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto document = parse_json(text);
  ASSERT_TRUE(document);
  int legacy = 0;
  int standard = 0;
  for (const Json& entry : find(*document, "cases")->GetArray()) {
    const std::string_view body = string_member(entry, "body");
    const std::string_view secret = string_member(entry, "secret");
    if (find(entry, "webhook-id") != nullptr) {
      const std::vector secrets{SigningSecret::parse(secret)};
      const std::int64_t time = std::stoll(std::string(string_member(entry, "webhook-timestamp")));
      EXPECT_EQ(webhook_signature(secrets, string_member(entry, "webhook-id"), time, body),
                string_member(entry, "webhook-signature"));
      ++standard;
    } else {
      EXPECT_EQ(legacy_signature(secret, body), string_member(entry, "X-Webhook-Signature"));
      ++legacy;
    }
  }
  EXPECT_GT(legacy, 0);
  EXPECT_GT(standard, 0);
}

TEST(Signature, RotationSignsWithEverySecretInOrder) {
  const std::vector secrets{SigningSecret::parse("whsec_" + base64_encode(std::string(64, 'n'))),
                            SigningSecret::parse(kSecret)};
  const std::string header =
      webhook_signature(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  EXPECT_TRUE(header.starts_with("v1,"));
  EXPECT_TRUE(header.ends_with(" v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")) << header;
}

TEST(Signature, Ed25519VerifiesWithThePublicKey) {
  Ed25519Seed seed;
  seed.fill(7);
  const Ed25519Public public_key = ed25519_public(seed);
  const SigningSecret secret =
      SigningSecret::parse("whsk_" + base64_encode(std::string(as_text(seed)) + std::string(as_text(public_key))));
  EXPECT_EQ(secret.public_key(), "whpk_" + base64_encode(as_text(public_key)));
  const std::string item = secret.sign("msg_1", 12, "{}");
  ASSERT_TRUE(item.starts_with("v1a,"));
  const auto bytes = base64_decode(std::string_view(item).substr(4));
  ASSERT_TRUE(bytes && bytes->size() == 64);
  Ed25519Signature signature;
  std::copy(bytes->begin(), bytes->end(), signature.begin());
  EXPECT_TRUE(ed25519_verify(public_key, signature, "msg_1.12.{}"));
  EXPECT_FALSE(ed25519_verify(public_key, signature, "msg_1.13.{}"));
}

TEST(Signature, BadSecretsAreRefusedWithoutBeingShown) {
  EXPECT_EQ(refusal("whsec_c2hvcnQ="), "signing secret has 5 bytes after whsec_, not 24 to 64");
  EXPECT_EQ(refusal("whsec_" + base64_encode(std::string(65, 'x'))),
            "signing secret has 65 bytes after whsec_, not 24 to 64");
  EXPECT_EQ(refusal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"), "signing secret is not base64 after whsec_");
  EXPECT_EQ(refusal("hunter2"), "signing secret begins with neither whsec_ nor whsk_");
  EXPECT_EQ(refusal("whsk_" + base64_encode(std::string(32, 'x'))), "signing key has 32 bytes after whsk_, not 64");
  EXPECT_EQ(refusal("whsk_" + base64_encode(std::string(64, 'x'))),
            "the public half of the signing key after whsk_ does not belong to its seed");
}

TEST(Signature, RefusesWhatCannotBeSigned) {
  const std::vector secrets{SigningSecret::parse(kSecret)};
  EXPECT_THROW((void)webhook_signature({}, "msg_1", 1, "{}"), Error);
  EXPECT_THROW((void)webhook_signature(secrets, "msg.1", 1, "{}"), Error);
  EXPECT_THROW((void)webhook_signature(secrets, "", 1, "{}"), Error);
  EXPECT_THROW((void)webhook_signature(std::vector(11, secrets[0]), "msg_1", 1, "{}"), Error);
  EXPECT_THROW((void)legacy_signature("", "{}"), Error);
}

}  // namespace
}  // namespace sluice
