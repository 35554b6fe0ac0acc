// The lists of commands, one a file.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace sluice::cli {

std::span<const Command> daemon_commands();
std::span<const Command> schema_commands();
std::span<const Command> flow_store_commands();
std::span<const Command> flow_file_commands();
std::span<const Command> chat_commands();
std::span<const Command> session_commands();
std::span<const Command> task_commands();
std::span<const Command> cron_commands();
std::span<const Command> delivery_commands();
std::span<const Command> endpoint_commands();
std::span<const Command> secret_commands();
std::span<const Command> event_commands();
std::span<const Command> status_commands();
std::span<const Command> top_commands();
std::span<const Command> eval_commands();
std::span<const Command> reference_commands();

// All of them, in the order in which help lists them.
[[nodiscard]] const std::vector<Command>& all_commands();

// The command that `words` begin with, which are taken off. UsageError with the nearest name, or the group's commands.
[[nodiscard]] const Command& take_command(std::vector<std::string>& words);

// UsageError unless the number of arguments is one that the command takes.
void check_arguments(const Command& command, const std::vector<std::string>& arguments);

}  // namespace sluice::cli
