// What a subscriber's own tools say of what arrives: the npm packages standardwebhooks and svix, and node's crypto for
// Ed25519.
#include <filesystem>
#include <fstream>

#include "core/base/crypto.h"
#include "core/base/json.h"
#include "core/base/signature.h"
#include "tests/notifier/notifier_fixture.h"
#include "tests/support/command.h"

namespace sluice::notifier {
namespace {

class VerifiersTest : public NotifierTest {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::string(SLUICE_SOURCE_DIR) + "/tests/node/node_modules/standardwebhooks")) {
      GTEST_SKIP() << "npm packages are missing: ./dev deps installs them";
    }
  }

  // Runs tests/node/verify.mjs over the requests; its exit code and output.
  static test::CommandResult verify(const std::vector<Received>& requests, const std::string& secret) {
    const std::string file = testing::TempDir() + "webhooks-" + std::to_string(getpid()) + ".jsonl";
    {
      std::ofstream lines(file);
      for (const Received& request : requests) {
        Json line = make_object();
        set(line, "secret", secret);
        set(line, "body", request.body);
        Json& headers = set(line, "headers", make_object());
        for (const auto& [name, value] : request.headers) set(headers, name, value);
        lines << to_text(line) << '\n';
      }
    }
    const std::string script = std::string(SLUICE_SOURCE_DIR) + "/tests/node/verify.mjs";
    test::CommandResult result = test::run_command({"sh", "-c", "node \"$1\" < \"$2\"", "sh", script, file});
    std::filesystem::remove(file);
    return result;
  }
};

TEST_F(VerifiersTest, BothPackagesAcceptEveryAttemptAndRefuseAnotherSecret) {
  Receiver receiver([](const Received&, int before) { return answer(before % 2 == 0 ? 500 : 200); });
  const Endpoint endpoint = subscribe(receiver.url(), R"({"retry_schedule": [0, 0.1, 0.1, 0.1, 0.1]})");
  const auto notifier = start_notifier();
  emit(5, "Zo\u00eb \u2603 ");
  wait_until("select count(*) = 5 from sluice.webhook_attempts where outcome = 'delivered'");
  const auto requests = receiver.received();
  EXPECT_GT(requests.size(), 5U);
  const test::CommandResult good = verify(requests, endpoint.secret);
  EXPECT_EQ(good.exit_code, 0) << good.output;
  EXPECT_NE(good.output.find("svix"), std::string::npos);
  EXPECT_EQ(verify(requests, "whsec_" + base64_encode(std::string(32, 'x'))).exit_code, 1);
}

TEST_F(VerifiersTest, DuringARotationTheNewAndTheOldSecretBothVerify) {
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url());
  const std::string fresh = value("select sluice.rotate_secret('" + endpoint.id + "')");
  const auto notifier = start_notifier();
  emit(1);
  const auto requests = receiver.wait_for(1);
  EXPECT_EQ(verify(requests, fresh).exit_code, 0);
  EXPECT_EQ(verify(requests, endpoint.secret).exit_code, 0);
  EXPECT_EQ(requests[0].header("x-webhook-signature"), legacy_signature(fresh, requests[0].body));
}

TEST_F(VerifiersTest, NodesCryptoAcceptsAnEd25519Signature) {
  Ed25519Seed seed{};
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i * 7);
  const std::string pair = std::string(as_text(seed)) + std::string(as_text(ed25519_public(seed)));
  const std::string secret = "whsk_" + base64_encode(pair);
  Receiver receiver;
  subscribe(receiver.url(), "{}", secret);
  const auto notifier = start_notifier();
  emit(1);
  const auto requests = receiver.wait_for(1);
  const test::CommandResult good = verify(requests, *SigningSecret::parse(secret).public_key());
  EXPECT_EQ(good.exit_code, 0) << good.output;
  EXPECT_TRUE(requests[0].header("x-webhook-signature").empty());
}

}  // namespace
}  // namespace sluice::notifier
