// The keys under which endpoints' signing secrets are encrypted in the database: the secret "webhook-keys", a line
// "ID BASE64" each, 32 bytes in base64. The first line's key encrypts; the others still decrypt.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/uuid.h"
#include "core/service/secrets.h"

namespace sluice {

inline constexpr std::string_view kWebhookKeys = "webhook-keys";

class WebhookKeys {
 public:
  struct Key {
    std::string id;
    std::string bytes;
  };
  // What one row of webhook_secrets holds.
  struct Sealed {
    std::string key_id;
    std::string ciphertext;
  };

  explicit WebhookKeys(const Secrets& secrets) : secrets_(secrets) {}

  // The key that encrypts; nothing when there is no such secret. Read anew at each call, so a new key needs no restart.
  // Throws Error, naming the line but no key, when the secret is malformed.
  [[nodiscard]] std::optional<Key> current() const;

  // For the secret of one kind of one endpoint: it opens nowhere else.
  [[nodiscard]] static Sealed seal(const Key& key, std::string_view secret, const Uuid& endpoint,
                                   std::string_view kind);

  // Throws Error when the key is not at hand, or the text is not what was sealed for this endpoint and kind.
  [[nodiscard]] std::string unseal(std::string_view key_id, std::string_view ciphertext, const Uuid& endpoint,
                                   std::string_view kind) const;

  // A line to put first in the secret: a new random key under that id.
  [[nodiscard]] static std::string make_line(std::string_view id);

 private:
  [[nodiscard]] std::vector<Key> read() const;
  const Secrets& secrets_;
};

}  // namespace sluice
