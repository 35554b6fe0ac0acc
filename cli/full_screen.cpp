#include "cli/full_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>

namespace sluice::cli {
namespace {

constexpr int kSignals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t g_resized = 0;
volatile std::sig_atomic_t g_ended = 0;

void note_signal(int number) noexcept {
  (number == SIGWINCH ? g_resized : g_ended) = 1;
}

// Blocked, signals wait for ppoll: none comes between a look at the flags and the sleep.
void block_signals(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) sigaddset(&set, number);
  pthread_sigmask(how, &set, nullptr);
}

void handle_signals(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

void write_all(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
  (void)std::fflush(stdout);
}

}  // namespace

FullScreen::FullScreen() {
  tcgetattr(STDIN_FILENO, &before_);
  handle_signals(note_signal);
  block_signals(SIG_BLOCK);
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  write_all("\x1b[?1049h\x1b[?25l\x1b[?7l");  // the other screen, no cursor, lines do not wrap
}

FullScreen::~FullScreen() {
  write_all("\x1b[?7h\x1b[?25h\x1b[?1049l");
  tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  handle_signals(SIG_DFL);
  block_signals(SIG_UNBLOCK);
}

ScreenSize FullScreen::size() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

void FullScreen::show(std::string_view text) {
  const std::size_t lines = size().lines;
  std::string out = "\x1b[H";
  for (std::size_t line = 0; line < lines && !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    if (line > 0) out += "\r\n";
    out += text.substr(0, end);
    out += "\x1b[K";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += "\x1b[J";
  write_all(out);
}

FullScreen::Woken FullScreen::wait(std::chrono::milliseconds time) {
  if (g_ended == 0 && g_resized == 0) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const timespec span{.tv_sec = static_cast<time_t>(time.count() / 1000),
                        .tv_nsec = (time.count() % 1000) * 1'000'000};
    sigset_t none;
    sigemptyset(&none);
    if (ppoll(&input, 1, &span, &none) > 0) {
      char key = 0;
      return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q' ? Woken::kQuit : Woken::kKey;
    }
  }
  if (g_ended != 0) return Woken::kQuit;
  if (g_resized == 0) return Woken::kTime;
  g_resized = 0;
  return Woken::kResized;
}

}  // namespace sluice::cli
