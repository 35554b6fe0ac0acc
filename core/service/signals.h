// Signals as events of the loop: a signalfd on a Poll. The signals are blocked in the whole process from construction
// to destruction, so construct before starting threads.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>

#include "core/async/poll.h"

namespace sluice {

class Signals {
 public:
  Signals(Loop& loop, std::initializer_list<int> signals);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The number of the next signal, or nothing after a stop.
  [[nodiscard]] Task<std::optional<int>> next(StopToken stop = {});

 private:
  sigset_t blocked_;
  sigset_t before_;
  int fd_;
  std::unique_ptr<Poll> poll_;
};

}  // namespace sluice
