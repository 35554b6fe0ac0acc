// The configuration. One table describes every option; TOML files, environment, flags, help, dumps and the reference
// documentation all come from it (DESIGN 9.3). Precedence: flag, environment, file, default.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

enum class OptionType {
  kText,
  kInteger,
  kDuration,  // "500ms", "30s", "5m", "24h", "7d"; a bare number means seconds
  kChoice,    // one of OptionSpec::choices
  kList,      // a TOML array of texts; separated by commas in environment and flags
};

struct OptionSpec {
  std::string_view name = {};  // section.key
  OptionType type = OptionType::kText;
  std::string_view fallback = {};  // the default, as it would be written on the command line
  std::string_view description = {};
  std::int64_t minimum = 0;  // integers: the value; durations: milliseconds
  std::int64_t maximum = 0;
  std::string_view choices = {};                           // separated by spaces
  std::string (*check)(std::string_view value) = nullptr;  // what is wrong with a text or list item, "" if nothing
  bool reloadable = false;                                 // SIGHUP applies a new value
  bool secret = false;                                     // never shown; a DSN is shown without its password
  std::string_view short_flag = {};                        // "dsn" for --dsn beside --database.dsn
};

[[nodiscard]] std::span<const OptionSpec> option_table();
[[nodiscard]] const OptionSpec* find_option(std::string_view name);
[[nodiscard]] std::string environment_name(const OptionSpec& spec);  // SLUICE_LOG_LEVEL
[[nodiscard]] std::string allowed_values(const OptionSpec& spec);    // "1 to 64", "debug|info"; "" when any text is

class Options {
 public:
  Options();  // all defaults

  // The value of a named option; std::logic_error if the table has no such option of that type.
  [[nodiscard]] const std::string& text(std::string_view name) const;  // also choices
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;

  // Where the value came from: "default", "/etc/sluice/sluice.toml:12", "SLUICE_LOG_LEVEL", "--log.level".
  [[nodiscard]] const std::string& source(std::string_view name) const;

  // Checks `value` as written (lists: items separated by commas) and stores it, or returns what the option allows.
  [[nodiscard]] std::expected<void, std::string> set(const OptionSpec& spec, std::string_view value,
                                                     std::string source);
  [[nodiscard]] std::expected<void, std::string> set_list(const OptionSpec& spec, std::vector<std::string> items,
                                                          std::string source);

  // Every option in the table's order as TOML, each with its source in a comment. Secrets and passwords are left out.
  [[nodiscard]] std::string dump() const;

  // Takes over the values of `fresh` that are reloadable; returns the names of the others that differ and need a
  // restart.
  std::vector<std::string> reload(const Options& fresh);

 private:
  struct Value {
    std::string text;
    std::vector<std::string> items;
    std::int64_t number = 0;  // integers, and durations in milliseconds
    std::string source;
  };
  [[nodiscard]] const Value& value(std::string_view name, std::initializer_list<OptionType> types) const;

  std::map<std::string, Value, std::less<>> values_;
};

// A flag of one command that is no option of the table: `--json`, `--to N`.
struct Flag {
  std::string_view name;
  std::string_view argument;  // what --help calls its value; "" if it takes none
  std::string_view description;
};

struct CommandLine {
  Options options;
  std::vector<std::string> arguments;  // what is left, in order
  std::map<std::string, std::string, std::less<>>
      flags;                        // those of the command that were given; "" for those without a value
  bool help = false;                // --help, -h
  bool version = false;             // --version
  bool dump_config = false;         // --dump-config
  std::string config_file;          // the file read, "" if none
  std::function<Options()> reread;  // reads file, environment and flags again, for SIGHUP; throws as the first time
};

using Environment = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Environment process_environment();

// Reads the flags in `arguments` (program and command names taken off), then `--config FILE` (or $SLUICE_CONFIG, or
// /etc/sluice/sluice.toml if it is there), then the environment. Flags: UsageError with the nearest name. File and
// environment: ConfigError that starts with FILE:LINE or the variable's name. With --help or --version the file is not
// read.
[[nodiscard]] CommandLine read_command_line(std::vector<std::string> arguments, std::span<const Flag> flags,
                                            const Environment& environment);

// Every option as help text (flags in two columns), and as the reference page in Markdown.
[[nodiscard]] std::string options_help(std::span<const Flag> flags = {});
[[nodiscard]] std::string options_reference();

// A DSN as it may be shown.
[[nodiscard]] std::string without_password(std::string_view dsn);

}  // namespace sluice
