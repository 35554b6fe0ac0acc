#include "cli/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/service/option_sources.h"

namespace sluice::cli {
namespace {

std::string_view group_of(const Command& command) {
  return command.name.substr(0, command.name.find(' '));
}

std::vector<std::string> names_in(std::string_view group) {
  std::vector<std::string> names;
  for (const Command& command : all_commands()) {
    if (group.empty() || group_of(command) == group) names.emplace_back(command.name);
  }
  return names;
}

[[noreturn]] void refuse_command(const std::vector<std::string>& words) {
  const std::vector<std::string> siblings = names_in(words.front());
  if (!siblings.empty() && words.size() == 1) {
    throw UsageError(fmt::format("'{}' is a group of commands", words.front()),
                     fmt::format("{}", fmt::join(siblings, ", ")));
  }
  const std::string given = siblings.empty() ? words.front() : words[0] + " " + words[1];
  std::vector<std::string> candidates = names_in("");
  for (const Command& command : all_commands()) candidates.emplace_back(group_of(command));
  const std::string nearest = did_you_mean(given, candidates);
  throw UsageError(fmt::format("unknown command '{}'", given),
                   nearest.empty() ? "sluice --help lists the commands" : nearest);
}

struct ArgumentCount {
  std::size_t least = 0;
  std::size_t most = 0;
};

ArgumentCount arguments_of(const Command& command) {
  ArgumentCount count;
  std::string_view rest = command.arguments;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!word.starts_with('[')) ++count.least;
    count.most = word.find("...") == std::string_view::npos ? count.most + 1 : std::size_t{1000};
  }
  return count;
}

}  // namespace

const std::vector<Command>& all_commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> commands;
    for (const auto list : {daemon_commands(), schema_commands(), flow_store_commands(), flow_file_commands(),
                            chat_commands(), session_commands(), task_commands(), cron_commands(), delivery_commands(),
                            endpoint_commands(), secret_commands(), event_commands(), status_commands(), top_commands(),
                            eval_commands(), reference_commands()}) {
      commands.insert(commands.end(), list.begin(), list.end());
    }
    return commands;
  }();
  return kCommands;
}

const Command& take_command(std::vector<std::string>& words) {
  for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
    if (words.size() < length) continue;
    const std::string name = length == 2 ? words[0] + " " + words[1] : words[0];
    const auto found = std::ranges::find(all_commands(), name, &Command::name);
    if (found == all_commands().end()) continue;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(length));
    return *found;
  }
  refuse_command(words);
}

void check_arguments(const Command& command, const std::vector<std::string>& arguments) {
  const ArgumentCount count = arguments_of(command);
  if (arguments.size() < count.least) {
    throw UsageError(fmt::format("{} needs {}", command.name, command.arguments),
                     fmt::format("sluice {} --help", command.name));
  }
  if (arguments.size() > count.most) {
    throw UsageError(fmt::format("'{}' is one argument too many for {}", arguments[count.most], command.name),
                     fmt::format("sluice {} --help", command.name));
  }
}

std::string Invocation::flag(std::string_view name, std::string_view fallback) const {
  const auto found = line.flags.find(name);
  return found == line.flags.end() ? std::string(fallback) : found->second;
}

std::optional<std::string> Invocation::one_of(std::string_view name, std::string_view words) const {
  const auto found = line.flags.find(name);
  if (found == line.flags.end()) return std::nullopt;
  const std::string& text = found->second;
  const bool whole_word = !text.empty() && text.find(' ') == std::string::npos;
  if (!whole_word || fmt::format(" {} ", words).find(fmt::format(" {} ", text)) == std::string::npos)
    throw UsageError(fmt::format("--{} has no '{}'", name, text), fmt::format("it is one of: {}", words));
  return text;
}

int Invocation::positive(std::string_view name, int fallback) const {
  const auto found = line.flags.find(name);
  if (found == line.flags.end()) return fallback;
  const std::string& text = found->second;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1) {
    throw UsageError(fmt::format("--{} must be a whole number from 1 on, not '{}'", name, text));
  }
  return number;
}

std::string Invocation::argument(std::size_t n, std::string_view fallback) const {
  return n < line.arguments.size() ? line.arguments[n] : std::string(fallback);
}

}  // namespace sluice::cli
