// How long to wait before trying again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

#include "core/base/time.h"

namespace sluice {

// The delay before try n + 1, after n tries have failed:
//
//   delay(n) = min(max, base × factor^(n-1)) × (1 + jitter × u),  u uniform in [0, 1)
//
// so jitter only lengthens, and max bounds the delay before it.
struct BackoffPolicy {
  std::chrono::milliseconds base{1000};
  double factor = 2;
  std::chrono::milliseconds max{60'000};
  double jitter = 0.2;
};

// `failed` counts from 1; `u` is the caller's random number in [0, 1). Never overflows, whatever `failed` is.
[[nodiscard]] std::chrono::milliseconds backoff_delay(const BackoffPolicy& policy, int failed, double u);

// `delay` × (1 + jitter × u), for delays that come from a schedule.
[[nodiscard]] std::chrono::milliseconds with_jitter(std::chrono::milliseconds delay, double jitter, double u);

// A random number in [0, 1), for `u` above. libstdc++'s uniform_real_distribution takes two logarithms for each.
[[nodiscard]] inline double random_fraction(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;  // as many bits as a double's fraction holds
}

// Counts failures in a row and draws its own random numbers; the same seed gives the same delays.
class Backoff {
 public:
  explicit Backoff(BackoffPolicy policy, std::uint64_t seed = std::random_device{}())
      : policy_(policy), random_(seed) {}

  [[nodiscard]] std::chrono::milliseconds next();  // counts one failure
  void reset() noexcept { failed_ = 0; }
  [[nodiscard]] int failed() const noexcept { return failed_; }

 private:
  BackoffPolicy policy_;
  std::mt19937_64 random_;
  int failed_ = 0;
};

inline constexpr std::chrono::seconds kMaxRetryAfter = std::chrono::hours(24);

// The value of a Retry-After header (RFC 9110 10.2.3): seconds, or an HTTP date in any of its three forms, as a delay
// from `now`. A date in the past is 0 s, anything longer than 24 h is 24 h; garbage (a sign, a fraction, 1e99, an
// impossible date) is nothing.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, Timestamp now);

}  // namespace sluice
