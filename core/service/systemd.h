// What the daemon tells systemd and takes from it. Every call does nothing when the process was not started by systemd.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::systemd {

void notify_ready();
void notify_status(std::string_view text);  // one line, shown by systemctl status
void notify_reloading();                    // follow with notify_ready()
void notify_stopping();
void notify_watchdog();

// How often to ping: half of WatchdogSec, or nothing when the unit has none.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_interval();

// Listening sockets passed by socket units, at most once a process.
[[nodiscard]] std::vector<int> take_listen_sockets();

// Whether standard error is connected to the journal ($JOURNAL_STREAM names it).
[[nodiscard]] bool stderr_is_journal();

}  // namespace sluice::systemd
