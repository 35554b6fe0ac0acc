// The table of options itself. Adding a row here is all that a new option needs.
#include <algorithm>
#include <array>

#include "core/base/errors.h"
#include "core/http/address.h"
#include "core/service/options.h"

namespace sluice {
namespace {

std::string check_network(std::string_view value) {
  try {
    (void)http::Network::parse(value);
    return {};
  } catch (const ConfigError& error) {
    return std::string(error.what()) + "; " + error.hint();
  }
}

std::string check_listen(std::string_view value) {
  const auto colon = value.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? "" : value.substr(colon + 1);
  const bool digits =
      !port.empty() && port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (value.empty() || (digits && std::stoul(std::string(port)) <= 65535)) return {};
  return "must be HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464, or empty";
}

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;

using enum OptionType;

constexpr std::array kOptions{
    OptionSpec{
        .name = "database.dsn",
        .description =
            "libpq URI or key=value string of the database; empty: libpq's own environment (PGHOST, PGSERVICE ...)",
        .secret = true,
        .short_flag = "dsn"},
    OptionSpec{
        .name = "database.session_dsn",
        .description =
            "where database.dsn leads to a pooler in transaction mode: DSN of the server itself, or of a pool in "
            "session mode, for the listener, for migrations, and for what wakes workers and notifiers",
        .secret = true},
    OptionSpec{.name = "database.wake",
               .type = kChoice,
               .fallback = "notify",
               .description = "how daemons learn of work: by LISTEN, or by polls only (all daemons alike), for servers "
                              "whose applications use PREPARE TRANSACTION and for poolers that lose notifications",
               .choices = "notify poll"},
    OptionSpec{.name = "database.poll_interval",
               .type = kDuration,
               .fallback = "50ms",
               .description = "distance of the polls with database.wake = poll",
               .minimum = 1,
               .maximum = 60 * kSecond},
    OptionSpec{
        .name = "http.allow_networks",
        .type = kList,
        .description =
            "networks (ADDRESS/PREFIX) that requests may reach although they are denied otherwise, on every port",
        .check = &check_network},
    OptionSpec{.name = "http.ca_file",
               .description = "PEM file of certificates to trust for requests, in place of the system's"},
    OptionSpec{.name = "http.resolver_threads",
               .type = kInteger,
               .fallback = "4",
               .description = "threads that look up host names",
               .minimum = 1,
               .maximum = 64},
    OptionSpec{.name = "metrics.listen",
               .description = "address (HOST:PORT) of /metrics, /healthz and /readyz of this daemon; empty: none",
               .check = &check_listen},
    OptionSpec{.name = "console.listen",
               .fallback = "127.0.0.1:9470",
               .description = "address (HOST:PORT) of the console, of sluice console and sluice up; empty: none",
               .check = &check_listen},
    OptionSpec{
        .name = "console.allow_actions",
        .type = kChoice,
        .fallback = "no",
        .description = "whether the console may retry, discard, replay, enable, disable and ping; else it only shows",
        .choices = "no yes"},
    OptionSpec{
        .name = "secrets.directory",
        .description =
            "folder with one file per secret, asked after systemd's credentials and before SLUICE_SECRET_<NAME>"},
    OptionSpec{.name = "log.level",
               .type = kChoice,
               .fallback = "info",
               .description = "the least important events to log",
               .choices = "debug info warn error",
               .reloadable = true},
    OptionSpec{.name = "log.format",
               .type = kChoice,
               .fallback = "text",
               .description = "how a line of the log is written; the journal of systemd has fields of its own",
               .choices = "text json",
               .reloadable = true},
    OptionSpec{.name = "daemon.shutdown_timeout",
               .type = kDuration,
               .fallback = "30s",
               .description = "how long work in flight may take to finish after SIGTERM",
               .minimum = 0,
               .maximum = kHour,
               .reloadable = true},
    OptionSpec{.name = "daemon.core_dumps",
               .type = kChoice,
               .fallback = "no",
               .description = "whether a crash may leave a core dump and debuggers may attach; memory holds secrets",
               .choices = "no yes"},
    OptionSpec{.name = "listener.batch_size",
               .type = kInteger,
               .fallback = "1000",
               .description = "events that a consumer takes at once",
               .minimum = 1,
               .maximum = 100'000},
    OptionSpec{.name = "worker.concurrency",
               .type = kInteger,
               .fallback = "256",
               .description = "tasks in flight in one worker",
               .minimum = 1,
               .maximum = 10'000},
    OptionSpec{.name = "notifier.concurrency",
               .type = kInteger,
               .fallback = "512",
               .description = "deliveries that a notifier holds: in flight, next in turn, or to be written down",
               .minimum = 1,
               .maximum = 10'000},
};

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

const OptionSpec* find_option(std::string_view name) {
  const auto* found = std::ranges::find(kOptions, name, &OptionSpec::name);
  return found == kOptions.end() ? nullptr : found;
}

}  // namespace sluice
