#include "tests/support/daemon_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace sluice::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

std::string next_log_file(const std::string& daemon) {
  static std::atomic<int> count{0};
  std::filesystem::create_directories(SLUICE_BINARY_DIR "/Testing");  // ctest makes it, a test run by hand does not
  return std::string(SLUICE_BINARY_DIR) + "/Testing/" + daemon + "-" + std::to_string(getpid()) + "-" +
         std::to_string(++count) + ".log";
}

// sd_listen_fds(3); in the child, which keeps its id.
void hand_over(int socket) {
  constexpr int kFirst = 3;
  if (socket == kFirst) {
    fcntl(socket, F_SETFD, 0);
  } else {
    dup2(socket, kFirst);
  }
  setenv("LISTEN_FDS", "1", 1);
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
}

}  // namespace

DaemonProcess::DaemonProcess(const std::string& daemon, const std::string& dsn,
                             const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                             int socket)
    : log_file_(next_log_file(daemon)) {
  std::vector<std::string> words{"env"};
  words.insert(words.end(), environment.begin(), environment.end());
  words.insert(words.end(), {std::string(SLUICE_BINARY_DIR) + "/bin/sluice", daemon, "--dsn", dsn,
                             "--http.allow_networks", "127.0.0.0/8", "--log.level", "debug"});
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // Emptied before the fork: an earlier test process may have had our id, and its log says ready and an address, too.
  const int log_fd = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log_fd < 0) throw std::runtime_error("cannot open " + log_file_);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    if (socket >= 0) hand_over(socket);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(log_fd);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (log().find("info  ready status=") == std::string::npos) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error(daemon + " ended before it was ready:\n" + log());
    }
    if (std::chrono::steady_clock::now() > until) {
      kill();  // no destructor runs for what was not made
      throw std::runtime_error(daemon + " is not ready:\n" + log());
    }
    std::this_thread::yield();
    usleep(2000);
  }
}

DaemonProcess::~DaemonProcess() {
  kill();
}

void DaemonProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait_for_end();
}

int DaemonProcess::terminate() {
  ::kill(pid_, SIGTERM);
  return wait_for_end();
}

void DaemonProcess::stop_clock() const {
  ::kill(pid_, SIGSTOP);
}
void DaemonProcess::continue_clock() const {
  ::kill(pid_, SIGCONT);
}

int DaemonProcess::wait_for_end() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string DaemonProcess::log() const {
  std::ifstream file(log_file_);
  return {std::istreambuf_iterator<char>(file), {}};
}

double DaemonProcess::peak_mebibytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  std::string word;
  double kibibytes = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kibibytes;
  }
  return kibibytes / 1024;
}

}  // namespace sluice::test
