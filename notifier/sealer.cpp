#include "notifier/sealer.h"

#include "core/base/log.h"
#include "sql/sql_text.h"

namespace sluice::notifier {
namespace {

constexpr std::chrono::seconds kAnswer{30};

}  // namespace

Sealer::Sealer(const WebhookKeys& keys) : keys_(keys) {
  if (!keys.current()) {
    log_warn("signing secrets of endpoints are stored unencrypted: there is no secret webhook-keys",
             {{"hint", "sluice secrets new-key prints a key for it"}});
  }
}

// A file that is being replaced may be malformed for a moment: that is told once, and read again the next time.
std::optional<WebhookKeys::Key> Sealer::key() {
  try {
    std::optional<WebhookKeys::Key> key = keys_.current();
    problem_.clear();
    return key;
  } catch (const Error& error) {
    if (problem_ != error.what())
      log_error("signing secrets cannot be encrypted", {{"error", std::string_view(error.what())}});
    problem_ = error.what();
    return std::nullopt;
  }
}

Task<void> Sealer::run_once(pg::Connection& connection) {
  const std::optional<WebhookKeys::Key> key = this->key();
  if (!key) co_return;
  const pg::Result plain = co_await connection.query(sql::query("plain_secrets"), {}, Clock::now() + kAnswer);
  if (plain.empty()) co_return;
  std::vector<std::int64_t> ids;
  std::vector<std::string> ciphertexts;
  for (const pg::Row& row : plain) {
    ids.push_back(row.get<std::int64_t>("id"));
    ciphertexts.push_back(
        WebhookKeys::seal(*key, row.text("secret"), row.get<Uuid>("endpoint_id"), row.text("kind")).ciphertext);
  }
  (void)co_await connection.query(sql::query("seal_secrets"),
                                  pg::Params().int8_array(ids).text(key->id).bytea_array(ciphertexts),
                                  Clock::now() + kAnswer);
  log_info("signing secrets encrypted", {{"count", ids.size()}, {"key", key->id}});
}

}  // namespace sluice::notifier
