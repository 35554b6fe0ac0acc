// Encryption of short secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random nonce for each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

inline constexpr std::size_t kSealingKeyBytes = 32;

// Nonce (12 bytes), ciphertext, tag (16 bytes). `bound_to` is authenticated along and must be given again to unseal, so
// that a sealed text copied to another row does not open there. Throws Error when OpenSSL fails or the key has not
// kSealingKeyBytes.
[[nodiscard]] std::string seal(std::string_view key, std::string_view text, std::string_view bound_to);

// Nothing when the key is another one, or any byte was changed.
[[nodiscard]] std::optional<std::string> unseal(std::string_view key, std::string_view sealed,
                                                std::string_view bound_to);

}  // namespace sluice
