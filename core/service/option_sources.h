// Where option values are read from, for command_line.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/service/options.h"

namespace sluice {

// Sets the options that the TOML file names. ConfigError begins with FILE:LINE.
void read_toml_file(const std::string& path, Options& options);

// Sets the options that the environment names. ConfigError begins with the variable's name.
void read_environment(const Environment& environment, Options& options);

// "did you mean 'log.level'?" for the candidate nearest to `word`, "" when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace sluice
