#include "cli/help.h"

#include <fmt/format.h>

#include <cctype>

#include "cli/commands.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kLeftColumn = 30;

void write_row(std::string& out, std::string_view left, std::string_view right) {
  const bool fits = left.size() + 4 <= kLeftColumn;
  fmt::format_to(std::back_inserter(out), "  {}{:{}}{}\n", left, fits ? "" : "\n",
                 fits ? kLeftColumn - 2 - left.size() : kLeftColumn + 1, right);
}

std::string usage_words(const Command& command) {
  return command.arguments.empty() ? std::string(command.name) : fmt::format("{} {}", command.name, command.arguments);
}

std::string flag_words(const Flag& flag) {
  return flag.argument.empty() ? fmt::format("--{}", flag.name) : fmt::format("--{} {}", flag.name, flag.argument);
}

}  // namespace

std::string version() {
  return fmt::format("sluice {}\n", SLUICE_VERSION);
}

std::string overview() {
  std::string out =
      "Sluice runs conversation and integration flows on PostgreSQL.\n\n"
      "usage: sluice COMMAND [ARGUMENTS] [--dsn URI]\n\n";
  for (const Command& command : all_commands()) write_row(out, usage_words(command), command.summary);
  out +=
      "\nThe first steps, with a database at hand:\n\n"
      "  export SLUICE_DATABASE_DSN=postgresql://localhost/sluice\n"
      "  sluice migrate\n"
      "  sluice up &\n"
      "  sluice flow import examples/bookbot.json --publish\n"
      "  sluice chat bookbot\n\n"
      "sluice COMMAND --help explains a command, with examples.\n"
      "Exit codes: 0 good, 1 failed, 2 usage, 69 database unreachable, 77 not permitted, 78 bad configuration.\n";
  return out;
}

std::string group_help(std::string_view group) {
  std::string out;
  for (const Command& command : all_commands()) {
    if (command.name.starts_with(group) && command.name.size() > group.size() && command.name[group.size()] == ' ') {
      write_row(out, usage_words(command), command.summary);
    }
  }
  return out.empty() ? out
                     : fmt::format("usage: sluice {} COMMAND\n\n{}\nsluice {} COMMAND --help explains one of them.\n",
                                   group, out, group);
}

std::string command_help(const Command& command) {
  std::string out = fmt::format("usage: sluice {}", usage_words(command));
  for (const Flag& flag : command.flags) out += fmt::format(" [{}]", flag_words(flag));
  out += fmt::format("\n\n{}{}.\n", static_cast<char>(std::toupper(static_cast<unsigned char>(command.summary[0]))),
                     command.summary.substr(1));
  if (!command.help.empty()) out += fmt::format("\n{}", command.help);
  out += '\n';
  if (command.daemon) return out + options_help(command.flags);
  for (const Flag& flag : command.flags) write_row(out, flag_words(flag), flag.description);
  write_row(out, "--dsn URI",
            "the database; else SLUICE_DATABASE_DSN, the configuration file, or libpq's own environment");
  write_row(out, "--config FILE",
            "configuration file (default $SLUICE_CONFIG, then /etc/sluice/sluice.toml if it is there)");
  write_row(out, "--dump-config", "show every option with its value and where that came from");
  return out;
}

}  // namespace sluice::cli
