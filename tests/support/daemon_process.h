// A daemon of the built binary, as a child process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::test {

class DaemonProcess {
 public:
  // Starts `sluice DAEMON --dsn DSN ARGUMENTS…` with requests to 127.0.0.0/8 allowed and waits until it says that it is
  // ready. Its log goes to a file under the build folder, which a failed start shows. `environment` is added to ours:
  // NAME=VALUE each; `socket`, a descriptor that listens, is handed over as systemd does it.
  DaemonProcess(const std::string& daemon, const std::string& dsn, const std::vector<std::string>& arguments = {},
                const std::vector<std::string>& environment = {}, int socket = -1);
  ~DaemonProcess();  // kills it if it still runs
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  void kill();                  // SIGKILL, and waits for its end
  int terminate();              // SIGTERM; the exit code, 128 + signal when one ended it
  void stop_clock() const;      // SIGSTOP: it is there and does nothing
  void continue_clock() const;  // SIGCONT

  [[nodiscard]] std::string log() const;
  [[nodiscard]] double peak_mebibytes() const;  // of resident memory, while it runs

 private:
  int wait_for_end();

  pid_t pid_ = -1;
  std::string log_file_;
};

}  // namespace sluice::test
