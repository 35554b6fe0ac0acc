// What a command of `sluice` is. Each file of commands hands over its list (commands.h); main.cpp picks one and runs
// it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/errors.h"
#include "core/service/options.h"

namespace sluice::cli {

// A command as it was called: what the flags, the environment and the file say.
struct Invocation {
  CommandLine line;

  [[nodiscard]] bool has(std::string_view flag) const { return line.flags.contains(flag); }
  [[nodiscard]] std::string flag(std::string_view name, std::string_view fallback = {}) const;
  // The value of a flag, nothing when it is not given. UsageError when it is none of `words`, which spaces separate.
  [[nodiscard]] std::optional<std::string> one_of(std::string_view name, std::string_view words) const;
  // The value of a flag as a whole number from 1 on. UsageError when it is none.
  [[nodiscard]] int positive(std::string_view name, int fallback) const;
  [[nodiscard]] bool json() const { return has("json"); }
  // The n-th argument, or `fallback` when there are fewer.
  [[nodiscard]] std::string argument(std::size_t n, std::string_view fallback = {}) const;
};

struct Command {
  std::string_view name;       // "worker", "flow import"
  std::string_view arguments;  // "FILE [NAME]": a word each, in brackets when it may be left out, "NAME..." for any
                               // number from one on
  std::string_view summary;    // one line
  std::string_view help;       // what --help adds: how it works, an example
  std::span<const Flag> flags;
  ExitCode (*run)(Invocation& invocation);
  bool daemon = false;  // --help then describes every option of the configuration
};

inline constexpr Flag kJsonFlag{"json", "", "print one JSON document"};

}  // namespace sluice::cli
