#include "core/service/webhook_keys.h"

#include <algorithm>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/errors.h"
#include "core/base/sealing.h"

namespace sluice {
namespace {

std::string bound_to(const Uuid& endpoint, std::string_view kind) {
  return to_text(endpoint) + ":" + std::string(kind);
}

WebhookKeys::Key parse(std::string_view line, std::size_t number) {
  const auto blank = line.find(' ');
  const std::string_view id = line.substr(0, blank);
  const auto bytes = blank == std::string_view::npos ? std::nullopt : base64_decode(line.substr(blank + 1));
  if (!Secrets::is_name(id) || !bytes || bytes->size() != kSealingKeyBytes) {
    throw Error("line " + std::to_string(number) + " of secret webhook-keys is no key",
                "a line is an id, a blank, and 32 bytes in base64; 'sluice secrets new-key' prints one");
  }
  return {std::string(id), *bytes};
}

}  // namespace

std::vector<WebhookKeys::Key> WebhookKeys::read() const {
  const std::optional<std::string> text = secrets_.find(kWebhookKeys);
  std::vector<Key> keys;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty()) keys.push_back(parse(line, number));
  }
  return keys;
}

std::optional<WebhookKeys::Key> WebhookKeys::current() const {
  std::vector<Key> keys = read();
  return keys.empty() ? std::nullopt : std::optional(std::move(keys.front()));
}

WebhookKeys::Sealed WebhookKeys::seal(const Key& key, std::string_view secret, const Uuid& endpoint,
                                      std::string_view kind) {
  return {key.id, sluice::seal(key.bytes, secret, bound_to(endpoint, kind))};
}

std::string WebhookKeys::unseal(std::string_view key_id, std::string_view ciphertext, const Uuid& endpoint,
                                std::string_view kind) const {
  const std::vector<Key> keys = read();
  const auto key = std::ranges::find(keys, key_id, &Key::id);
  if (key == keys.end()) {
    throw Error("a secret is encrypted under key " + std::string(key_id) + ", which is not at hand",
                "put its line back into the secret webhook-keys");
  }
  std::optional<std::string> text = sluice::unseal(key->bytes, ciphertext, bound_to(endpoint, kind));
  if (!text) throw Error("a secret does not open under key " + std::string(key_id) + " for this endpoint");
  return std::move(*text);
}

std::string WebhookKeys::make_line(std::string_view id) {
  if (!Secrets::is_name(id))
    throw UsageError("'" + std::string(id) + "' is no key id", "letters, digits, '_', '-', '.'");
  return std::string(id) + " " + base64_encode(random_bytes(kSealingKeyBytes));
}

}  // namespace sluice
