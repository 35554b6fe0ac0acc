// Named secrets, looked up when they are needed and never kept, logged or shown: systemd's $CREDENTIALS_DIRECTORY, then
// secrets.directory, then the environment's SLUICE_SECRET_<NAME>.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/service/options.h"

namespace sluice {

inline constexpr std::size_t kMaxSecretBytes = 64U << 10U;

class Secrets {
 public:
  Secrets(std::string directory, Environment environment);  // `directory` may be ""

  // The secret's bytes; one line break at the end of a file is not part of it. Nothing when there is no such secret, or
  // the name is none: letters, digits, '_', '-' and '.', not starting with '.', at most 128. For SLUICE_SECRET_<NAME>
  // the name is in capitals, '-' and '.' as '_'. Throws Error, naming the secret and place but no content, when it is
  // there but cannot be read or is longer than kMaxSecretBytes. Reads a small local file: does not go to a pool.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;

  [[nodiscard]] static bool is_name(std::string_view name) noexcept;

 private:
  std::string credentials_;
  std::string directory_;
  Environment environment_;
};

}  // namespace sluice
