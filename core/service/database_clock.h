// The database's clock, as a daemon knows it between two answers: the time that came with the last heartbeat, gone on
// by this machine's steady clock. What is due when is decided by the database's clock alone, so a host whose wall clock
// is wrong or stepped changes nothing.
#pragma once

#include "core/async/wait.h"
#include "core/base/time.h"

namespace sluice {

class DatabaseClock {
 public:
  // The database said `time` between `asked` and `answered`.
  void heard(Timestamp time, Clock::time_point asked, Clock::time_point answered);

  // This machine's wall clock until something was heard.
  [[nodiscard]] Timestamp now() const;

 private:
  bool known_ = false;
  Timestamp time_{};
  Clock::time_point at_{};
};

}  // namespace sluice
