#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};
constexpr std::chrono::milliseconds kBetween{100};
constexpr std::size_t kBarWidth = 30;

}  // namespace

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      begun_(Clock::now()),
      next_(begun_ + kPatience) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::advance(std::uint64_t done) {
  const auto now = Clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + kBetween;
  drawn_ = true;
  fmt::print(stderr, "\r{}\x1b[K",
             line(what_, done, total_, std::chrono::duration_cast<std::chrono::seconds>(now - begun_)));
  (void)std::fflush(stderr);
}

std::string Progress::line(std::string_view what, std::uint64_t done, std::uint64_t total,
                           std::chrono::seconds elapsed) {
  if (total == 0) return fmt::format("{} … {} s", what, elapsed.count());
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  std::string bar;
  for (std::size_t i = 0; i < kBarWidth; ++i) bar += i < full ? "█" : "░";
  return fmt::format("{} {} {:3.0f} % {} s", what, bar, share * 100, elapsed.count());
}

Task<void> show_time(Loop& loop, std::string what, StopToken stop) {
  Progress progress(std::move(what));
  while (!stop.stop_requested()) {
    (void)co_await loop.sleep(kBetween, stop);
    progress.advance(0);
  }
}

}  // namespace sluice::cli
