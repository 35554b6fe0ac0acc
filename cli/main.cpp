// The `sluice` command: finds the command that is asked for, and turns exceptions into messages and exit codes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/daemons.h"
#include "cli/migrate.h"

namespace sluice::cli {
namespace {

constexpr std::array kCommands{
    Command{"up", "", "all daemons in one process", "", {}, run_up},
    Command{"listener", "", "brings events to their consumers", "", {}, run_listener},
    Command{"worker", "", "runs the tasks of sessions", "", {}, run_worker},
    Command{"notifier", "", "delivers webhooks", "", {}, run_notifier},
    Command{"migrate", "", "brings the schema up to date", "", {}, run_migrate},
};

ExitCode run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("no command is given", "sluice --help lists them");
  const auto* command = std::ranges::find(kCommands, arguments.front(), &Command::name);
  if (command == kCommands.end()) throw UsageError("unknown command " + arguments.front(), "sluice --help lists them");
  Invocation invocation;
  invocation.raw.assign(arguments.begin() + 1, arguments.end());
  invocation.line = read_command_line(invocation.raw, command->flags, process_environment());
  return command->run(invocation);
}

}  // namespace
}  // namespace sluice::cli

int main(int argc, char** argv) {
  using namespace sluice;
  try {
    return static_cast<int>(cli::run({argv + 1, argv + argc}));
  } catch (const Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    if (!error.hint().empty()) fmt::print(stderr, "HINT: {}\n", error.hint());
    return static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return static_cast<int>(ExitCode::kFailed);
  }
}
