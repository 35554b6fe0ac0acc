// What a command of `sluice` is. Each file of this folder has one subject's commands; main.cpp lists them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/errors.h"
#include "core/service/options.h"

namespace sluice::cli {

struct Invocation {
  std::vector<std::string> raw;  // the arguments after the command's name, for daemons to read again on SIGHUP
  CommandLine line;              // the same, read
};

struct Command {
  std::string_view name;      // "worker", "flow import"
  std::string_view usage;     // what follows `sluice NAME`
  std::string_view summary;   // one line
  std::string_view help;      // what --help adds: how it works, an example
  std::span<const Flag> flags;
  ExitCode (*run)(Invocation& invocation);
};

}  // namespace sluice::cli
