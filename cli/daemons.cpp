// sluice up, listener, worker, notifier, console.
#include <fmt/format.h>

#include "cli/commands.h"
#include "console/console.h"
#include "core/service/daemon.h"
#include "listener/listener.h"
#include "notifier/notifier.h"
#include "workers/worker.h"

namespace sluice::cli {
namespace {

template <typename... Services>
ExitCode run_services(std::string_view name, Invocation& invocation, std::unique_ptr<Services>... made) {
  std::vector<std::unique_ptr<Service>> services;
  (services.push_back(std::move(made)), ...);
  return static_cast<ExitCode>(run_daemon(name, std::move(invocation.line), std::move(services)));
}

ExitCode run_up(Invocation& invocation) {
  return run_services("up", invocation, listener::make_listener(), workers::make_worker(), notifier::make_notifier(),
                      console::make_console(console::Place::kBeside));
}
ExitCode run_listener(Invocation& invocation) {
  return run_services("listener", invocation, listener::make_listener());
}
ExitCode run_worker(Invocation& invocation) {
  return run_services("worker", invocation, workers::make_worker());
}
ExitCode run_notifier(Invocation& invocation) {
  return run_services("notifier", invocation, notifier::make_notifier());
}

ExitCode run_console(Invocation& invocation) {
  // The two that are needed most have short flags here; they stay what they are when the configuration is read again.
  const auto apply = [flags = invocation.line.flags](Options& options) {
    const auto give = [&](std::string_view flag, std::string_view name, std::string_view value) {
      const auto stored = options.set(*find_option(name), value, fmt::format("--{}", flag));
      if (!stored) throw UsageError(fmt::format("--{}: {}", flag, stored.error()), "--help describes the flag");
    };
    if (const auto listen = flags.find("listen"); listen != flags.end())
      give("listen", "console.listen", listen->second);
    if (flags.contains("allow-actions")) give("allow-actions", "console.allow_actions", "yes");
  };
  apply(invocation.line.options);
  invocation.line.reread = [reread = std::move(invocation.line.reread), apply] {
    Options options = reread();
    apply(options);
    return options;
  };
  return run_services("console", invocation, console::make_console(console::Place::kAlone));
}

constexpr Flag kConsoleFlags[] = {
    {"listen", "HOST:PORT", "where to serve it (default 127.0.0.1:9470); short for --console.listen"},
    {"allow-actions", "",
     "let it retry, discard, replay, enable, disable and ping; short for --console.allow_actions yes"},
};

constexpr std::string_view kSignals =
    "It runs until SIGTERM or SIGINT, then finishes or releases what is in flight within daemon.shutdown_timeout; a "
    "second\n"
    "signal ends it at once. SIGHUP reads the configuration again. A stop of PostgreSQL is waited out.\n";

constexpr Command kCommands[] = {
    {"up",
     "",
     "run listener, worker, notifier and console in one process",
     "For development and small installations. The console's address is printed; see sluice console. Example:\n\n"
     "  sluice up --dsn postgresql://localhost/sluice --metrics.listen 127.0.0.1:9100\n",
     {},
     run_up,
     true},
    {"listener",
     "",
     "bring events to their consumers: webhooks, relay, SQL handlers, tasks",
     kSignals,
     {},
     run_listener,
     true},
    {"worker", "", "run the tasks of sessions and free-standing tasks", kSignals, {}, run_worker, true},
    {"notifier", "", "deliver webhooks", kSignals, {}, run_notifier, true},
    {"console", "", "serve a web page that shows what goes on",
     "It prints its address once, with a token; whoever has it sees what sluice_reader sees. It only shows unless "
     "actions are "
     "allowed.\n"
     "Example:\n\n"
     "  sluice console --dsn postgresql://localhost/sluice --allow-actions\n",
     kConsoleFlags, run_console, true},
};

}  // namespace

std::span<const Command> daemon_commands() {
  return kCommands;
}

}  // namespace sluice::cli
