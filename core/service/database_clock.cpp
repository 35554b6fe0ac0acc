#include "core/service/database_clock.h"

namespace sluice {
namespace {

// An answer that was longer under way says too little of the present.
constexpr std::chrono::milliseconds kPrompt{500};

}  // namespace

void DatabaseClock::heard(Timestamp time, Clock::time_point asked, Clock::time_point answered) {
  const auto trip = answered - asked;
  if (known_ && trip > kPrompt) return;
  known_ = true;
  time_ = time;
  at_ = asked + trip / 2;
}

Timestamp DatabaseClock::now() const {
  if (!known_) return utc_now();
  return time_ + std::chrono::floor<std::chrono::microseconds>(Clock::now() - at_);
}

}  // namespace sluice
