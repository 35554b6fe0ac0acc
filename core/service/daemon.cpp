#include "core/service/daemon.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>

#include "core/async/task_scope.h"
#include "core/base/errors.h"
#include "core/base/log.h"
#include "core/http/server.h"
#include "core/service/journal.h"
#include "core/service/process_metrics.h"
#include "core/service/signals.h"
#include "core/service/systemd.h"

namespace sluice {
namespace {

constexpr int kBlockingThreads = 2;

void configure_log_from(const Options& options) {
  configure_log(log_level_from(options.text("log.level")).value_or(LogLevel::kInfo),
                log_format_from(options.text("log.format")).value_or(LogFormat::kText));
}

void log_failure(std::string_view message, std::string_view service, const Error& error) {
  if (error.hint().empty()) {
    log_error(message, {{"service", service}, {"reason", error.what()}});
  } else {
    log_error(message, {{"service", service}, {"reason", error.what()}, {"hint", error.hint()}});
  }
}

// Hundreds of requests and database connections need more descriptors than the usual soft limit of 1024; the hard limit
// is what the operator allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Memory and environment hold secrets: they go into no core dump, and other processes of the same user cannot read
// them.
void keep_memory_private(const Options& options) {
  if (options.text("daemon.core_dumps") == "yes") return;
  if (prctl(PR_SET_DUMPABLE, 0) != 0) throw Error("the kernel refuses to keep this process's memory out of core dumps");
}

class Daemon {
 public:
  Daemon(CommandLine command_line, std::vector<std::unique_ptr<Service>> services);

  Task<ExitCode> run();
  Loop& loop() noexcept { return loop_; }

 private:
  struct Running {
    Running(std::unique_ptr<Service> what, Event& changed) : service(std::move(what)), health(changed) {}
    std::unique_ptr<Service> service;
    Health health;
    std::optional<ServiceContext> context;
  };

  void serve_http();
  [[nodiscard]] http::Reply readiness() const;
  [[nodiscard]] std::string status() const;
  [[nodiscard]] bool all_ready() const;

  Task<void> run_service(Running& running);
  Task<void> watch_services();
  Task<void> handle_signals();
  Task<void> report_health();
  Task<void> ping_watchdog(std::chrono::milliseconds interval);
  void reload();
  void fail(ExitCode code);

  Loop loop_;
  Signals signals_;  // blocks them before the first thread is started
  Options options_;
  std::function<Options()> reread_;
  Secrets secrets_;
  Metrics metrics_;
  BlockingPool blocking_;
  Event health_changed_;
  Event ended_;
  std::deque<Running> running_;
  std::unique_ptr<http::Server> server_;
  std::string own_address_;
  bool was_ready_ = false;
  ExitCode exit_code_ = ExitCode::kGood;
  TaskScope services_;  // of the services; its stop token is theirs
  TaskScope frame_;     // of everything else; destroyed first
};

Daemon::Daemon(CommandLine command_line, std::vector<std::unique_ptr<Service>> services)
    : signals_(loop_, {SIGTERM, SIGINT, SIGHUP}),
      options_(std::move(command_line.options)),
      reread_(std::move(command_line.reread)),
      secrets_(options_.text("secrets.directory"), process_environment()),
      blocking_(loop_, kBlockingThreads),
      health_changed_(loop_),
      ended_(loop_),
      services_(loop_),
      frame_(loop_) {
  add_process_metrics(metrics_);
  for (auto& service : services) {
    Running& running = running_.emplace_back(std::move(service), health_changed_);
    running.context.emplace(loop_, options_, secrets_, metrics_, running.health, blocking_, services_.stop_token(),
                            own_address_);
  }
}

Task<ExitCode> Daemon::run() {
  serve_http();
  for (Running& running : running_) services_.spawn(run_service(running));
  frame_.spawn(watch_services());
  frame_.spawn(handle_signals());
  frame_.spawn(report_health());
  if (const auto interval = systemd::watchdog_interval()) frame_.spawn(ping_watchdog(*interval));

  const Woken woken = co_await ended_.wait(kNoDeadline, services_.stop_token());
  if (woken == Woken::kStopped) {
    systemd::notify_stopping();
    const auto timeout = options_.duration("daemon.shutdown_timeout");
    const Woken stopped = co_await ended_.wait(Clock::now() + timeout);
    if (stopped == Woken::kTimeout) {
      log_warn("services did not stop in time; their work in flight is abandoned", {{"timeout_ms", timeout.count()}});
    }
  }
  log_info("stopped", {{"exit_code", static_cast<int>(exit_code_)}});
  co_return exit_code_;
}

void Daemon::serve_http() {
  http::Routes routes{
      {"/metrics", [this] { return http::Reply{200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text()}; }},
      {"/healthz", [] { return http::Reply{200, "text/plain; charset=utf-8", "ok\n"}; }},
      {"/readyz", [this] { return readiness(); }},
  };
  const std::vector<int> sockets = systemd::take_listen_sockets();
  const std::string& listen = options_.text("metrics.listen");
  if (!sockets.empty()) {
    server_ = std::make_unique<http::Server>(loop_, sockets.front(), std::move(routes));
  } else if (!listen.empty()) {
    server_ = std::make_unique<http::Server>(loop_, listen, std::move(routes));
  }
  if (!server_) return;
  own_address_ = server_->address();
  log_info("serving metrics and health", {{"address", own_address_}});
}

Task<void> Daemon::run_service(Running& running) {
  const std::string name(running.service->name());
  try {
    co_await running.service->run(*running.context);
    if (!services_.stop_token().stop_requested()) log_warn("service ended by itself", {{"service", name}});
  } catch (const Error& error) {
    log_failure("service failed", name, error);
    fail(error.exit_code());
  } catch (const std::exception& error) {
    log_error("service failed", {{"service", name}, {"reason", error.what()}});
    fail(ExitCode::kFailed);
  }
  services_.request_stop();
}

void Daemon::fail(ExitCode code) {
  if (exit_code_ == ExitCode::kGood) exit_code_ = code;
}

Task<void> Daemon::watch_services() {
  co_await services_.join();
  ended_.set();
}

Task<void> Daemon::handle_signals() {
  while (true) {
    const std::optional<int> number = co_await signals_.next();
    if (number == SIGHUP) {
      reload();
    } else if (services_.stop_token().stop_requested()) {
      log_warn("stopping at once", {{"signal", sigdescr_np(*number)}});
      std::_Exit(static_cast<int>(ExitCode::kFailed));
    } else {
      log_info("stopping", {{"signal", sigdescr_np(*number)}});
      services_.request_stop();
    }
  }
}

void Daemon::reload() {
  if (was_ready_) systemd::notify_reloading();
  try {
    const std::vector<std::string> need_restart = options_.reload(reread_());
    configure_log_from(options_);
    log_info("configuration read again");
    for (const std::string& name : need_restart)
      log_warn("option changed, but needs a restart to apply", {{"option", name}});
  } catch (const Error& error) {
    log_failure("configuration not read again; the old one stays", "daemon", error);
  }
  if (was_ready_) systemd::notify_ready();
}

Task<void> Daemon::report_health() {
  std::optional<bool> before;
  while (true) {
    const std::string now = status();
    const bool ready = all_ready();
    systemd::notify_status(now);
    if (ready && !was_ready_) {
      was_ready_ = true;
      systemd::notify_ready();
    }
    if (ready != before) log_info(ready ? "ready" : "not ready", {{"status", now}});
    before = ready;
    (void)co_await health_changed_.wait();
  }
}

Task<void> Daemon::ping_watchdog(std::chrono::milliseconds interval) {
  while (true) {
    systemd::notify_watchdog();
    (void)co_await loop_.sleep(interval);
  }
}

bool Daemon::all_ready() const {
  return std::ranges::all_of(running_, [](const Running& running) { return running.health.is_ready(); });
}

std::string Daemon::status() const {
  std::string text;
  for (const Running& running : running_) {
    if (!text.empty()) text += ", ";
    text += std::string(running.service->name()) + ": " + (running.health.is_ready() ? "ready" : running.health.why());
  }
  return text;
}

http::Reply Daemon::readiness() const {
  const bool stopping = exit_code_ != ExitCode::kGood || std::ranges::any_of(running_, [](const Running& running) {
                          return running.context->stop.stop_requested();
                        });
  http::Reply reply;
  for (const Running& running : running_) {
    const std::string state = stopping ? "stopping" : running.health.is_ready() ? "ready" : running.health.why();
    reply.body += std::string(running.service->name()) + ": " + state + "\n";
  }
  reply.status = all_ready() && !stopping ? 200 : 503;
  return reply;
}

}  // namespace

void Health::ready() {
  if (std::exchange(ready_, true)) return;
  why_.clear();
  changed_.set();
}

void Health::not_ready(std::string why) {
  if (!ready_ && why_ == why) return;
  ready_ = false;
  why_ = std::move(why);
  changed_.set();
}

int run_daemon(std::string_view name, CommandLine command_line, std::vector<std::unique_ptr<Service>> services) {
  configure_log_from(command_line.options);
  if (systemd::stderr_is_journal()) set_log_sink(journal_sink("sluice-" + std::string(name)));
  raise_descriptor_limit();
  (void)std::signal(SIGPIPE, SIG_IGN);  // a peer that has gone is an error of the write
  try {
    keep_memory_private(command_line.options);
    Daemon daemon(std::move(command_line), std::move(services));
    return static_cast<int>(daemon.loop().run(daemon.run()));
  } catch (const Error& error) {
    log_failure("cannot run", name, error);
    return static_cast<int>(error.exit_code());
  }
}

}  // namespace sluice
