// The texts of --help.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.h"

namespace sluice::cli {

[[nodiscard]] std::string overview();                            // sluice --help
[[nodiscard]] std::string group_help(std::string_view group);    // sluice flow --help; "" when there is no such group
[[nodiscard]] std::string command_help(const Command& command);  // sluice flow import --help
[[nodiscard]] std::string version();                             // sluice --version, one line

}  // namespace sluice::cli
