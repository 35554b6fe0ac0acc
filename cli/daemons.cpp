#include "cli/daemons.h"

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

}  // namespace

ExitCode run_up(Invocation& invocation) {
  return run_services("up", invocation, listener::make_listener(), workers::make_worker(), notifier::make_notifier());
}
ExitCode run_listener(Invocation& invocation) { return run_services("listener", invocation, listener::make_listener()); }
ExitCode run_worker(Invocation& invocation) { return run_services("worker", invocation, workers::make_worker()); }

ExitCode run_notifier(Invocation& invocation) { return run_services("notifier", invocation, notifier::make_notifier()); }

}  // namespace sluice::cli
