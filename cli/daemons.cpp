#include "cli/daemons.h"

#include "core/service/daemon.h"
#include "listener/listener.h"
#include "workers/worker.h"

namespace sluice::cli {
namespace {

template <typename... Services>
ExitCode run_services(std::string_view name, Invocation& invocation, std::unique_ptr<Services>... made) {
  std::vector<std::unique_ptr<Service>> services;
  (services.push_back(std::move(made)), ...);
  return static_cast<ExitCode>(run_daemon(name, invocation.raw, std::move(invocation.line), std::move(services)));
}

}  // namespace

ExitCode run_up(Invocation& invocation) {
  return run_services("up", invocation, listener::make_listener(), workers::make_worker());
}
ExitCode run_listener(Invocation& invocation) { return run_services("listener", invocation, listener::make_listener()); }
ExitCode run_worker(Invocation& invocation) { return run_services("worker", invocation, workers::make_worker()); }

}  // namespace sluice::cli
