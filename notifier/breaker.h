// One endpoint's circuit breaker (WEBHOOKS 3): it opens after failures in a row, tries one request when the pause is
// over, and from there on lets concurrency grow by one a success and halves it on a failure, so that a recovering
// endpoint is not stampeded.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::notifier {

class Breaker {
 public:
  enum class State {
    kClosed,      // no limit of its own
    kOpen,        // nothing may be sent until the lane's pause is over, and then one
    kRecovering,  // `limit` may be in flight
  };

  // How many may be in flight where the endpoint allows `cap`.
  [[nodiscard]] int limit(int cap) const noexcept;

  // A request begins; the number it returns goes back with its outcome, so that those from before an opening no longer
  // count.
  std::uint64_t begin() noexcept;

  // Returns whether the state to be kept has changed.
  bool succeeded(std::uint64_t begun, int cap) noexcept;

  // Returns how long to pause when this failure opens it, with jitter `u` in [0, 1).
  std::optional<std::chrono::milliseconds> failed(std::uint64_t begun, double u);

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool is_untroubled() const noexcept { return state_ == State::kClosed && failures_ == 0; }

  // The state for a successor, as JSON; what cannot be read is a closed breaker.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static Breaker from_text(std::string_view json);

 private:
  State state_ = State::kClosed;
  int failures_ = 0;  // in a row, while closed
  int openings_ = 0;  // since it was closed
  int limit_ = 1;
  std::uint64_t era_ = 0;  // counts openings and closings
};

}  // namespace sluice::notifier
