// Encrypts signing secrets that SQL functions stored as plain text, because a key is never in the database.
#pragma once

#include <string>

#include "core/pg/connection.h"
#include "core/service/webhook_keys.h"

namespace sluice::notifier {

class Sealer {
 public:
  // Throws Error when the keys are malformed; without any it says so in the log and seals nothing until there are.
  explicit Sealer(const WebhookKeys& keys);

  // Seals up to a hundred. Throws PgError.
  Task<void> run_once(pg::Connection& connection);

 private:
  [[nodiscard]] std::optional<WebhookKeys::Key> key();

  const WebhookKeys& keys_;
  std::string problem_;  // as logged
};

}  // namespace sluice::notifier
