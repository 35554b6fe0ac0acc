#include "core/service/systemd.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>

namespace sluice::systemd {

void notify_ready() {
  sd_notify(0, "READY=1");
}

void notify_status(std::string_view text) {
  std::string line = "STATUS=" + std::string(text);
  for (char& c : line) {
    if (c == '\n') c = ' ';  // a new line would begin another assignment
  }
  sd_notify(0, line.c_str());
}

void notify_reloading() {
  sd_notify(0, "RELOADING=1");
}

void notify_stopping() {
  sd_notify(0, "STOPPING=1");
}

void notify_watchdog() {
  sd_notify(0, "WATCHDOG=1");
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(microseconds / 2));
}

std::vector<int> take_listen_sockets() {
  std::vector<int> sockets(static_cast<std::size_t>(std::max(sd_listen_fds(1), 0)));
  std::iota(sockets.begin(), sockets.end(), SD_LISTEN_FDS_START);
  return sockets;
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // "device:inode"
  struct stat status{};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

}  // namespace sluice::systemd
