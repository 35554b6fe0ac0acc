// The terminal as a whole: its other screen, keys as they are pressed, and the terminal as it was when this ends.
#pragma once

#include <termios.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "cli/terminal.h"

namespace sluice::cli {

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

// One at a time, for it handles SIGWINCH, SIGINT, SIGTERM and SIGHUP. For the main thread.
class FullScreen {
 public:
  FullScreen();  // standard input and output are a terminal
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  // As it is now: people resize their windows.
  [[nodiscard]] static ScreenSize size();

  // Shows `text`, whose lines are cut at the right edge; what is below the last line of the screen is left out.
  static void show(std::string_view text);

  enum class Woken { kTime, kKey, kResized, kQuit };
  // Until a key is pressed, the terminal changed its size, or `time` is over; kQuit at q, at the end of the input and
  // at signals that end programs, also at one that came since the last call.
  [[nodiscard]] Woken wait(std::chrono::milliseconds time);

 private:
  termios before_{};
};

}  // namespace sluice::cli
