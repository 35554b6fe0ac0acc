// A delivery whose attempt has ended.
#pragma once

#include "notifier/outcome.h"

namespace sluice::notifier {

struct Ended {
  Delivery delivery;
  Outcome outcome;
  Timestamp started_at;
  std::chrono::microseconds duration{0};
  std::optional<int> status;
  std::string address;  // "" when none was connected
  std::optional<std::string> response;
  bool in_doubt = false;  // the answer to its commit was lost
};

}  // namespace sluice::notifier
