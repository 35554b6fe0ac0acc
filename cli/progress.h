// A sign of life on standard error for work that takes longer than a second, when that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/async/task_scope.h"

namespace sluice::cli {

class Progress {
 public:
  // `total` in whatever units advance() counts; 0: unknown, then the time is shown instead of a bar.
  explicit Progress(std::string what, std::uint64_t total = 0);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t done);  // how much is done so far; draws at most ten times a second

  // The line as it is drawn, without control characters.
  [[nodiscard]] static std::string line(std::string_view what, std::uint64_t done, std::uint64_t total,
                                        std::chrono::seconds elapsed);

 private:
  std::string what_;
  std::uint64_t total_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begun_;
  Clock::time_point next_;
};

// Draws for as long as it runs.
Task<void> show_time(Loop& loop, std::string what, StopToken stop);

template <typename T>
Task<T> with_progress(Loop& loop, std::string what, Task<T> task) {
  TaskScope scope(loop);
  scope.spawn(show_time(loop, std::move(what), scope.stop_token()));
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
  } else {
    T result = co_await std::move(task);
    co_return result;
  }
}

}  // namespace sluice::cli
