// sluice up, listener, worker, notifier.
#include "cli/commands.h"
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
  return run_services("up", invocation, listener::make_listener(), workers::make_worker(), notifier::make_notifier());
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

constexpr std::string_view kSignals =
    "It runs until SIGTERM or SIGINT, then finishes or releases what is in flight within daemon.shutdown_timeout; a "
    "second\n"
    "signal ends it at once. SIGHUP reads the configuration again. A stop of PostgreSQL is waited out.\n";

constexpr Command kCommands[] = {
    {"up",
     "",
     "run listener, worker and notifier in one process",
     "For development and small installations. Example:\n\n"
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
};

}  // namespace

std::span<const Command> daemon_commands() {
  return kCommands;
}

ExitCode run_notifier(Invocation& invocation) {
  return run_services("notifier", invocation, notifier::make_notifier());
}

}  // namespace sluice::cli
