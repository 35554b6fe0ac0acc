// The frame of every daemon: one loop, one process, one or several services. It sets up log, signals, metrics and
// health endpoints, tells systemd how things stand, and stops everything in order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/blocking_pool.h"
#include "core/async/event.h"
#include "core/async/loop.h"
#include "core/async/stop_token.h"
#include "core/service/metrics.h"
#include "core/service/options.h"
#include "core/service/secrets.h"

namespace sluice {

// What one service says of itself; /readyz and systemd's STATUS show it. A service starts as not ready.
inline constexpr const char* kNoDatabase = "the database cannot be reached";  // why a service is not ready

class Health {
 public:
  explicit Health(Event& changed) noexcept : changed_(changed) {}
  void ready();
  void not_ready(std::string why);  // kNoDatabase, "12 s behind"
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }  // "" when ready

 private:
  bool ready_ = false;
  std::string why_ = "starting";
  Event& changed_;
};

// Everything that a service gets from its process. References live until run() has returned.
struct ServiceContext {
  Loop& loop;
  const Options& options;  // reloadable values change in place on SIGHUP: read them when they are used
  const Secrets& secrets;
  Metrics& metrics;
  Health& health;
  BlockingPool& blocking;          // a few threads for calls that block: files, database host names
  StopToken stop;                  // on SIGTERM or SIGINT, or when another service has ended
  const std::string& own_address;  // "127.0.0.1:9464", where metrics and health are served; "" when nowhere
};

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  // Runs until `context.stop`, then finishes or releases what is in flight and returns. Returning earlier or throwing
  // ends the process: what cannot be mended by waiting (bad configuration, a role without rights) is an Error with its
  // exit code.
  [[nodiscard]] virtual Task<void> run(ServiceContext& context) = 0;
};

// Runs the services in one process until SIGTERM or SIGINT, or until one fails, and returns the exit code: 0, or that
// of the first failure. Services have daemon.shutdown_timeout to stop and are destroyed after that; a second signal
// ends the process at once. SIGHUP reads the configuration again.
[[nodiscard]] int run_daemon(std::string_view name, CommandLine command_line,
                             std::vector<std::unique_ptr<Service>> services);

}  // namespace sluice
