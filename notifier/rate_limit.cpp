#include "notifier/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace sluice::notifier {
namespace {

constexpr double kBurstSeconds = 0.1;
constexpr double kWhole = 1 - 1e-6;  // sums of fractions come out a little below 1

}  // namespace

double RateLimit::capacity() const {
  return std::max(1.0, *per_second_ * kBurstSeconds);
}

double RateLimit::tokens_at(Clock::time_point now) const {
  return std::min(capacity(), tokens_ + std::chrono::duration<double>(now - counted_).count() * *per_second_);
}

void RateLimit::set(std::optional<double> per_second, Clock::time_point now) {
  if (per_second == per_second_) return;
  tokens_ = per_second_ ? std::min(tokens_at(now), 1.0) : 1;
  counted_ = now;
  per_second_ = per_second;
}

std::optional<int> RateLimit::available(Clock::time_point now) const {
  if (!per_second_) return std::nullopt;
  return static_cast<int>(tokens_at(now) + (1 - kWhole));
}

void RateLimit::take(Clock::time_point now) {
  if (!per_second_) return;
  tokens_ = tokens_at(now) - 1;
  counted_ = now;
}

Deadline RateLimit::next(Clock::time_point now) const {
  if (!per_second_) return kNoDeadline;
  const double missing = kWhole - tokens_at(now);
  if (missing <= 0) return kNoDeadline;
  return now + std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(missing / *per_second_));
}

}  // namespace sluice::notifier
