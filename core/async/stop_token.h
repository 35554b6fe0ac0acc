// A request to stop, passed down by value. A StopSource outlives the waits that its tokens are linked to.
#pragma once

#include "core/async/wait.h"

namespace sluice {

class StopSource;

class StopToken {
 public:
  StopToken() = default;  // never stops
  [[nodiscard]] bool stop_requested() const noexcept;

  // Ends `wait` when a stop is requested; at once if it was already.
  void link(Wait& wait) const noexcept;

 private:
  friend class StopSource;
  explicit StopToken(StopSource& source) noexcept : source_(&source) {}
  StopSource* source_ = nullptr;
};

class StopSource {
 public:
  StopSource() = default;
  StopSource(const StopSource&) = delete;
  StopSource& operator=(const StopSource&) = delete;

  void request_stop() noexcept;
  [[nodiscard]] bool stop_requested() const noexcept { return requested_; }
  [[nodiscard]] StopToken token() noexcept { return StopToken(*this); }

 private:
  friend class StopToken;
  bool requested_ = false;
  WaitLink waits_;
};

}  // namespace sluice
