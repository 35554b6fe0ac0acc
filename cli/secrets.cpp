// sluice secrets new-key, rotate-key.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/table.h"
#include "core/service/webhook_keys.h"

namespace sluice::cli {
namespace {

ExitCode run_new_key(Invocation& invocation) {
  fmt::print("{}\n", WebhookKeys::make_line(invocation.argument(0)));
  return ExitCode::kGood;
}

// Encrypts the next of those that are not under `key`; returns how many there were.
std::size_t rotate_some(Database& database, const WebhookKeys& keys, const WebhookKeys::Key& key) {
  std::size_t count = 0;
  database.in_transaction([&] {
    const pg::Result rows = database.query(
        "SELECT id, endpoint_id, kind, secret, key_id, ciphertext FROM sluice.webhook_secrets WHERE key_id IS DISTINCT "
        "FROM $1 ORDER BY id LIMIT 500 FOR UPDATE",
        pg::Params().text(key.id));
    std::vector<std::int64_t> ids;
    std::vector<std::string> ciphertexts;
    for (const pg::Row& row : rows) {
      const Uuid endpoint = row.get<Uuid>("endpoint_id");
      const std::string kind = row.get<std::string>("kind");
      const std::string secret = row.is_null("secret")
                                     ? keys.unseal(row.text("key_id"), row.bytes("ciphertext"), endpoint, kind)
                                     : row.get<std::string>("secret");
      ids.push_back(row.get<std::int64_t>("id"));
      ciphertexts.push_back(WebhookKeys::seal(key, secret, endpoint, kind).ciphertext);
    }
    (void)database.query(
        "UPDATE sluice.webhook_secrets s SET secret = NULL, key_id = $2, ciphertext = g.ciphertext FROM "
        "unnest($1::bigint[], $3::bytea[]) AS g (id, ciphertext) WHERE s.id = g.id",
        pg::Params().int8_array(ids).text(key.id).bytea_array(ciphertexts));
    count = ids.size();
  });
  return count;
}

ExitCode run_rotate_key(Invocation& invocation) {
  const Options& options = invocation.line.options;
  const Secrets secrets(options.text("secrets.directory"), process_environment());
  const WebhookKeys keys(secrets);
  const auto key = keys.current();
  if (!key)
    throw Error("there is no secret webhook-keys",
                "make its first line with 'sluice secrets new-key ID' and put it where the notifier's secrets are");
  Database database(invocation);
  std::size_t rotated = 0;
  while (const std::size_t count = rotate_some(database, keys, *key)) rotated += count;
  if (invocation.json()) {
    Json document = make_object();
    set(document, "key_id", key->id);
    set(document, "encrypted", Json(static_cast<std::int64_t>(rotated)));
    print_json(document);
  } else {
    fmt::print("{} {} encrypted under key {}; no other key is needed any more\n", rotated,
               rotated == 1 ? "secret was" : "secrets were", key->id);
  }
  return ExitCode::kGood;
}

constexpr Flag kJsonOnly[] = {kJsonFlag};

constexpr Command kCommands[] = {
    {"secrets new-key",
     "ID",
     "print a line for the secret webhook-keys: a new random key",
     "The first line's key encrypts the signing secrets of endpoints in the database; the others still decrypt. "
     "Example:\n\n"
     "  sluice secrets new-key 2026-01 > /etc/sluice/secrets/webhook-keys\n",
     {},
     run_new_key},
    {"secrets rotate-key", "", "encrypt all signing secrets under the first key of webhook-keys",
     "Put a new line first into the secret, keep the old ones, and restart or wait for nothing: notifiers read it at "
     "each use. Then\n\n"
     "  sluice secrets rotate-key\n\n"
     "and take the old lines away.\n",
     kJsonOnly, run_rotate_key},
};

}  // namespace

std::span<const Command> secret_commands() {
  return kCommands;
}

}  // namespace sluice::cli
