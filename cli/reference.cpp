// sluice reference.
#include "cli/reference.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "cli/commands.h"

namespace sluice::cli {
namespace {

// scdoc reads these as markup wherever they stand.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '_' || c == '*' || c == '\\' || c == '#' || c == '`' || c == '<' || c == '[' || c == '~') out += '\\';
    out += c;
  }
  return out;
}

// A paragraph or, where lines are indented, an example, which keeps its lines.
void write_help(std::string& out, std::string_view help) {
  bool literal = false;
  while (!help.empty()) {
    const auto end = std::min(help.find('\n'), help.size());
    std::string_view line = help.substr(0, end);
    help.remove_prefix(std::min(end + 1, help.size()));
    const bool indented = line.starts_with("  ");
    if (indented != literal && !line.empty()) {
      out += literal ? "\t```\n\n" : "\n\t```\n";
      literal = indented;
    }
    if (literal) {
      fmt::format_to(std::back_inserter(out), "\t{}\n", line.empty() ? line : line.substr(2));
    } else {
      fmt::format_to(std::back_inserter(out), "{}{}\n", line.empty() ? "" : "\t", plain(line));
    }
  }
  if (literal) out += "\t```\n";
}

struct Page {
  std::string_view name;
  std::string (*text)();
};

constexpr std::array kPages{
    Page{"commands", commands_page},    Page{"completion", bash_completion}, Page{"configuration", options_reference},
    Page{"metrics", metrics_reference}, Page{"options", options_page},
};

ExitCode run_reference(Invocation& invocation) {
  const std::string name = invocation.argument(0);
  for (const Page& page : kPages) {
    if (page.name != name) continue;
    fmt::print("{}", page.text());
    return ExitCode::kGood;
  }
  throw UsageError(fmt::format("there is no page '{}'", name),
                   "completion, configuration, metrics, commands or options");
}

constexpr Command kCommands[] = {
    {"reference",
     "PAGE",
     "print a page that is made from the program's own tables",
     "PAGE is completion (for bash), configuration or metrics (Markdown), or the parts of the man pages as scdoc "
     "text:\n"
     "commands, options. Example:\n\n"
     "  source <(sluice reference completion)\n",
     {},
     run_reference},
};

}  // namespace

std::string commands_page() {
  std::string out;
  for (const Command& command : all_commands()) {
    fmt::format_to(std::back_inserter(out), "*{}*{}{}\n", command.name, command.arguments.empty() ? "" : " ",
                   plain(command.arguments));
    fmt::format_to(std::back_inserter(out), "\t{}.\n\n", plain(command.summary));
    write_help(out, command.help);
    for (const Flag& flag : command.flags) {
      fmt::format_to(std::back_inserter(out), "\n\t*--{}*{}{}: {}\n", flag.name, flag.argument.empty() ? "" : " ",
                     plain(flag.argument), plain(flag.description));
    }
    out += '\n';
  }
  return out;
}

std::string options_page() {
  std::string out;
  std::string_view section;
  for (const OptionSpec& spec : option_table()) {
    const auto dot = spec.name.find('.');
    if (spec.name.substr(0, dot) != section) {
      section = spec.name.substr(0, dot);
      fmt::format_to(std::back_inserter(out), "## [{}]\n\n", section);
    }
    fmt::format_to(std::back_inserter(out), "*{}*\n\t{}.\n", spec.name.substr(dot + 1), plain(spec.description));
    const std::string limits = allowed_values(spec);
    if (!limits.empty()) fmt::format_to(std::back_inserter(out), "\n\tAllowed: {}.\n", plain(limits));
    if (!spec.fallback.empty()) fmt::format_to(std::back_inserter(out), "\n\tDefault: {}.\n", plain(spec.fallback));
    fmt::format_to(std::back_inserter(out), "\n\tVariable {}{}.\n\n", plain(environment_name(spec)),
                   spec.reloadable ? "; read again at SIGHUP" : "");
  }
  return out;
}

std::span<const Command> reference_commands() {
  return kCommands;
}

}  // namespace sluice::cli
