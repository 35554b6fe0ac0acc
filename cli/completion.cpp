// The bash completion: words of commands, then flags, then values where a table knows them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/reference.h"

namespace sluice::cli {
namespace {

using Words = std::set<std::string>;

constexpr std::string_view kScript = R"(# bash completion for sluice; made by: sluice reference completion
_sluice() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
    [[ ${{COMP_WORDS[i]}} == -* ]] && break
    command+="${{command:+ }}${{COMP_WORDS[i]}}"
  done
  case $previous in
    {file_flags}) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
{choices}  esac
  case $command in
    '') words='{first_words}' ;;
{groups}{commands}  esac
  if [[ -n $words && ( -z $command || $word == -* || $words != -* ) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}}
complete -F _sluice sluice
)";

std::string joined(const Words& words, std::string_view between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

Words file_flags() {
  Words flags{"--config"};
  for (const Command& command : all_commands()) {
    for (const Flag& flag : command.flags) {
      if (flag.argument == "FILE") flags.insert(fmt::format("--{}", flag.name));
    }
  }
  return flags;
}

std::string choices() {
  std::string out;
  for (const OptionSpec& spec : option_table()) {
    if (spec.type != OptionType::kChoice) continue;
    fmt::format_to(std::back_inserter(out),
                   "    --{}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\") && return ;;\n", spec.name,
                   spec.choices);
  }
  return out;
}

Words first_words() {
  Words words{"--help", "--version", "help"};
  for (const Command& command : all_commands()) words.emplace(command.name.substr(0, command.name.find(' ')));
  return words;
}

std::string groups() {
  std::map<std::string, Words> members;
  for (const Command& command : all_commands()) {
    const auto space = command.name.find(' ');
    if (space == std::string_view::npos) continue;
    members[std::string(command.name.substr(0, space))].emplace(command.name.substr(space + 1));
  }
  std::string out;
  for (const auto& [group, words] : members)
    fmt::format_to(std::back_inserter(out), "    '{}') words='{}' ;;\n", group, joined(words));
  return out;
}

Words flags_of(const Command& command) {
  Words flags{"--config", "--dsn", "--dump-config", "--help"};
  for (const Flag& flag : command.flags) flags.insert(fmt::format("--{}", flag.name));
  if (command.daemon) {
    flags.emplace("--version");
    for (const OptionSpec& spec : option_table())
      flags.insert(fmt::format("--{}", spec.short_flag.empty() ? spec.name : spec.short_flag));
  }
  return flags;
}

// A command of one word is followed by an argument or a flag in the place where a group has its second word.
std::string commands() {
  std::string out;
  for (const Command& command : all_commands()) {
    const std::string_view follows = command.name.find(' ') == std::string_view::npos ? "*" : "";
    fmt::format_to(std::back_inserter(out), "    '{}'{}) words='{}' ;;\n", command.name, follows,
                   joined(flags_of(command)));
  }
  return out;
}

}  // namespace

std::string bash_completion() {
  return fmt::format(kScript, fmt::arg("file_flags", joined(file_flags(), " | ")), fmt::arg("choices", choices()),
                     fmt::arg("first_words", joined(first_words())), fmt::arg("groups", groups()),
                     fmt::arg("commands", commands()));
}

}  // namespace sluice::cli
