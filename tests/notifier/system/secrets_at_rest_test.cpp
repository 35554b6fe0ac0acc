// Signing secrets at rest.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "core/base/signature.h"
#include "core/service/webhook_keys.h"
#include "tests/notifier/notifier_fixture.h"
#include "tests/support/command.h"

namespace sluice::notifier {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecretsAtRestTest : public NotifierTest {
 protected:
  SecretsAtRestTest() : folder_(testing::TempDir() + "webhook-keys-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~SecretsAtRestTest() override { std::filesystem::remove_all(folder_); }

  void write_keys(const std::string& lines) const {
    const std::string file = folder_ + "/webhook-keys";
    std::ofstream(file + ".new") << lines;
    std::filesystem::rename(file + ".new", file);
  }
  [[nodiscard]] std::unique_ptr<test::DaemonProcess> start() const {
    return start_notifier({"--secrets.directory", folder_});
  }
  [[nodiscard]] std::string dump() const {
    const test::CommandResult dumped = test::run_command({"pg_dump", "--dbname", database_.dsn()});
    EXPECT_EQ(dumped.exit_code, 0) << dumped.output;
    return dumped.output;
  }
  [[nodiscard]] test::CommandResult rotate_key() const {
    return test::run_command({std::string(SLUICE_BINARY_DIR) + "/bin/sluice", "secrets", "rotate-key", "--dsn",
                              database_.dsn(), "--secrets.directory", folder_});
  }
  static bool verifies(const Received& request, const std::string& secret) {
    const std::vector<SigningSecret> secrets = {SigningSecret::parse(secret)};
    return request.header("webhook-signature") ==
           webhook_signature(secrets, request.id(), std::stoll(request.header("webhook-timestamp")), request.body);
  }

  std::string folder_;
};

TEST_F(SecretsAtRestTest, ADumpOfTheDatabaseHoldsNoSecretOnceANotifierHasSeenIt) {
  write_keys(WebhookKeys::make_line("one"));
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url());
  const std::string canary = endpoint.secret.substr(6);
  EXPECT_THAT(dump(), HasSubstr(canary));  // so the search finds what is there
  const auto notifier = start();
  wait_until("select bool_and(secret is null and key_id = 'one') from sluice.webhook_secrets");
  EXPECT_THAT(dump(), Not(HasSubstr(canary)));
  emit(1);
  EXPECT_TRUE(verifies(receiver.wait_for(1).front(), endpoint.secret));
  const std::string fresh = value("select sluice.rotate_secret('" + endpoint.id + "', '0')");
  wait_until("select bool_and(secret is null) from sluice.webhook_secrets");
  EXPECT_THAT(dump(), Not(HasSubstr(fresh.substr(6))));
  emit(1);
  EXPECT_TRUE(verifies(receiver.wait_for(2).back(), fresh));
  EXPECT_THAT(notifier->log(), Not(HasSubstr(canary)));
}

TEST_F(SecretsAtRestTest, ARotatedKeyEncryptsAnewAndTheOldOneIsNeededNoMore) {
  const std::string first = WebhookKeys::make_line("one");
  const std::string second = WebhookKeys::make_line("two");
  write_keys(first);
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url());
  const auto notifier = start();
  wait_until("select bool_and(key_id = 'one') from sluice.webhook_secrets");
  write_keys(second + "\n" + first);
  const test::CommandResult rotated = rotate_key();
  EXPECT_EQ(rotated.exit_code, 0) << rotated.output;
  EXPECT_EQ(value("select bool_and(key_id = 'two' and secret is null) from sluice.webhook_secrets"), "t");
  write_keys(second);
  emit(1);
  EXPECT_TRUE(verifies(receiver.wait_for(1).front(), endpoint.secret));
}

TEST_F(SecretsAtRestTest, WithoutItsKeyADeliveryWaitsAndSpendsNoAttempt) {
  const std::string key = WebhookKeys::make_line("one");
  write_keys(key);
  Receiver receiver;
  const Endpoint endpoint = subscribe(receiver.url());
  const auto notifier = start();
  wait_until("select bool_and(key_id = 'one') from sluice.webhook_secrets");
  write_keys(WebhookKeys::make_line("another"));
  emit(1);
  wait_for_log(*notifier, "which is not at hand");
  write_keys(key);
  EXPECT_TRUE(verifies(receiver.wait_for(1).front(), endpoint.secret));
  wait_until("select count(*) = 1 and max(attempt) = 1 from sluice.webhook_attempts");
}

}  // namespace
}  // namespace sluice::notifier
