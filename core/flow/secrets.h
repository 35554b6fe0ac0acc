// Secrets in requests (FLOW 4): a template's {{secret:key}} travels as a mark of two Unicode noncharacters around the
// key, and the secret takes its place when the request is sent. Values of the state are cleared of those characters, so
// a user who types "{{secret:key}}" gets just that text sent.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/flow/engine.h"

namespace sluice::flow {

// The key of a reference "secret:key", empty when it is none.
[[nodiscard]] std::string_view secret_key(std::string_view reference);
[[nodiscard]] std::string secret_mark(std::string_view key);
[[nodiscard]] std::string without_marks(std::string_view text);

// The keys that a request names, each once. For `secrets_used`: names only, never values.
[[nodiscard]] std::vector<std::string> secret_keys(const HttpCall& call);

// Puts the secrets in: percent-encoded in a URL's path and query, escaped in a JSON body, as they are elsewhere. Gives
// the first key that `lookup` does not know as the error, and then leaves the request without any secret. Call it last
// and let nothing but the connection see the result.
using SecretLookup = std::function<std::optional<std::string>(std::string_view key)>;
[[nodiscard]] std::expected<void, std::string> put_secrets(HttpCall& call, const SecretLookup& lookup);

}  // namespace sluice::flow
