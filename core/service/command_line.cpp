#include <fmt/format.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/service/option_sources.h"
#include "core/service/options.h"

extern char** environ;

namespace sluice {
namespace {

constexpr const char* kDefaultFile = "/etc/sluice/sluice.toml";

enum class Own : int {
  kConfig = 1,
  kHelp,
  kVersion,
  kDumpConfig
};  // flags of every command, as getopt_long returns them
constexpr int kFirstOption = 1000;  // + index in the option table
constexpr int kFirstFlag = 10'000;  // + index in the command's flags

// Names with the storage that getopt_long's table points to.
struct FlagTable {
  std::vector<std::string> names;
  std::vector<option> rows;

  explicit FlagTable(std::span<const Flag> flags) {
    const auto table = option_table();
    names.reserve(4 + 2 * table.size() + flags.size());
    add("config", true, static_cast<int>(Own::kConfig));
    add("help", false, static_cast<int>(Own::kHelp));
    add("version", false, static_cast<int>(Own::kVersion));
    add("dump-config", false, static_cast<int>(Own::kDumpConfig));
    for (std::size_t i = 0; i < table.size(); ++i) {
      add(table[i].name, true, kFirstOption + static_cast<int>(i));
      if (!table[i].short_flag.empty()) add(table[i].short_flag, true, kFirstOption + static_cast<int>(i));
    }
    for (std::size_t i = 0; i < flags.size(); ++i)
      add(flags[i].name, !flags[i].argument.empty(), kFirstFlag + static_cast<int>(i));
    rows.push_back({nullptr, 0, nullptr, 0});
  }

 private:
  void add(std::string_view name, bool takes_value, int result) {
    names.emplace_back(name);
    rows.push_back({names.back().c_str(), takes_value ? required_argument : no_argument, nullptr, result});
  }
};

struct Given {
  const OptionSpec* spec;
  std::string value;
  std::string flag;
};

struct ParsedFlags {
  std::vector<Given> options;
  CommandLine line;
};

[[noreturn]] void refuse_flag(const std::string& token, const FlagTable& table, bool missing_value) {
  if (missing_value) throw UsageError("flag " + token + " needs a value");
  const std::string name = token.substr(0, token.find('='));
  std::vector<std::string> known;
  known.reserve(table.names.size());
  for (const std::string& each : table.names) known.push_back("--" + each);
  if (std::ranges::find(known, name) != known.end()) throw UsageError("flag " + name + " takes no value");
  const std::string hint = did_you_mean(name, known);
  throw UsageError("unknown flag " + name, hint.empty() ? "--help lists the flags" : hint);
}

// Flags may stand before, between and after the arguments; "--" ends them.
ParsedFlags parse_flags(std::vector<std::string>& arguments, std::span<const Flag> flags) {
  const FlagTable table(flags);
  std::string program = "sluice";
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int argc = static_cast<int>(argv.size()) - 1;

  ParsedFlags parsed;
  optind = 0;  // starts anew, whatever was parsed before
  opterr = 0;
  while (true) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the command line is read before any thread is started
    const int result = getopt_long(argc, argv.data(), ":h", table.rows.data(), nullptr);
    if (result == -1) break;
    if (result == '?' || result == ':') refuse_flag(argv[static_cast<std::size_t>(optind) - 1], table, result == ':');
    if (result >= kFirstFlag) {
      parsed.line.flags.insert_or_assign(std::string(flags[static_cast<std::size_t>(result - kFirstFlag)].name),
                                         optarg != nullptr ? optarg : "");
    } else if (result >= kFirstOption) {
      const OptionSpec& spec = option_table()[static_cast<std::size_t>(result - kFirstOption)];
      parsed.options.push_back(
          {&spec, optarg, fmt::format("--{}", spec.short_flag.empty() ? spec.name : spec.short_flag)});
    } else if (result == 'h' || result == static_cast<int>(Own::kHelp)) {
      parsed.line.help = true;
    } else if (result == static_cast<int>(Own::kVersion)) {
      parsed.line.version = true;
    } else if (result == static_cast<int>(Own::kDumpConfig)) {
      parsed.line.dump_config = true;
    } else {
      parsed.line.config_file = optarg;
    }
  }
  for (int i = optind; i < argc; ++i) parsed.line.arguments.emplace_back(argv[static_cast<std::size_t>(i)]);
  return parsed;
}

std::string config_file(const std::string& given, const Environment& environment) {
  if (!given.empty()) return given;
  if (const auto found = environment.find("SLUICE_CONFIG"); found != environment.end() && !found->second.empty())
    return found->second;
  return access(kDefaultFile, F_OK) == 0 ? kDefaultFile : "";
}

Options read_options(const std::string& file, const Environment& environment, const std::vector<Given>& given) {
  Options options;
  if (!file.empty()) read_toml_file(file, options);
  read_environment(environment, options);
  for (const Given& each : given) {
    if (const auto stored = options.set(*each.spec, each.value, each.flag); !stored) {
      throw UsageError(each.flag + ": " + stored.error(), "--help describes the flag");
    }
  }
  return options;
}

// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::vector<std::size_t>> cost(left.size() + 1, std::vector<std::size_t>(right.size() + 1));
  for (std::size_t i = 0; i <= left.size(); ++i) {
    for (std::size_t j = 0; j <= right.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = cost[i - 1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost.back().back();
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 100) return {};
  std::size_t nearest = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::string best;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= nearest) continue;
    nearest = distance;
    best = candidate;
  }
  return best.empty() ? "" : "did you mean '" + best + "'?";
}

void read_environment(const Environment& environment, Options& options) {
  std::map<std::string, const OptionSpec*> known;
  std::vector<std::string> sections;
  for (const OptionSpec& spec : option_table()) {
    const std::string name = environment_name(spec);
    known.emplace(name, &spec);
    sections.push_back(name.substr(0, name.find('_', sizeof "SLUICE_" - 1) + 1));
  }
  for (const auto& [name, value] : environment) {
    const auto found = known.find(name);
    if (found != known.end()) {
      if (const auto stored = options.set(*found->second, value, name); !stored) {
        throw ConfigError(name + ": " + stored.error(), "change or unset the variable");
      }
    } else if (std::ranges::any_of(sections, [&](const std::string& section) { return name.starts_with(section); }) &&
               !name.starts_with("SLUICE_SECRET_")) {
      std::vector<std::string> names;
      names.reserve(known.size());
      for (const auto& entry : known) names.push_back(entry.first);
      throw ConfigError("unknown variable " + name, did_you_mean(name, names));
    }
  }
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

CommandLine read_command_line(std::vector<std::string> arguments, std::span<const Flag> flags,
                              const Environment& environment) {
  ParsedFlags parsed = parse_flags(arguments, flags);
  if (parsed.line.help || parsed.line.version) return std::move(parsed.line);
  CommandLine line = std::move(parsed.line);
  line.config_file = config_file(line.config_file, environment);
  line.reread = [file = line.config_file, environment, given = std::move(parsed.options)] {
    return read_options(file, environment, given);
  };
  line.options = line.reread();
  return line;
}

}  // namespace sluice
