#include "notifier/breaker.h"

#include <algorithm>

#include "core/base/backoff.h"
#include "core/base/json.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;

constexpr int kFailuresInRow = 10;
constexpr BackoffPolicy kPause{.base = milliseconds(1000), .factor = 2, .max = std::chrono::minutes(5), .jitter = 0.2};

std::string_view name_of(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kRecovering:
      return "recovering";
  }
  return "";
}

int whole(const Json& object, std::string_view name, int fallback) {
  const Json* member = find(object, name);
  return member != nullptr && member->IsInt() ? std::max(member->GetInt(), fallback) : fallback;
}

}  // namespace

int Breaker::limit(int cap) const noexcept {
  return state_ == State::kClosed ? cap : std::min(limit_, cap);
}

std::uint64_t Breaker::begin() noexcept {
  if (state_ == State::kOpen) state_ = State::kRecovering;  // this is the canary
  return era_;
}

bool Breaker::succeeded(std::uint64_t begun, int cap) noexcept {
  if (begun != era_) return false;
  failures_ = 0;
  if (state_ != State::kRecovering) return false;
  limit_ += 1;
  if (limit_ >= cap) {
    state_ = State::kClosed;
    openings_ = 0;
    era_ += 1;
  }
  return true;
}

std::optional<milliseconds> Breaker::failed(std::uint64_t begun, double u) {
  if (begun != era_ || state_ == State::kOpen) return std::nullopt;
  if (state_ == State::kClosed && ++failures_ < kFailuresInRow) return std::nullopt;
  if (state_ == State::kRecovering && limit_ > 1) {
    limit_ /= 2;
    return std::nullopt;
  }
  state_ = State::kOpen;
  failures_ = 0;
  limit_ = 1;
  openings_ += 1;
  era_ += 1;
  return backoff_delay(kPause, openings_, u);
}

std::string Breaker::text() const {
  Json object = make_object();
  set(object, "state", name_of(state_));
  if (state_ != State::kClosed) {
    set(object, "limit", Json(limit_));
    set(object, "openings", Json(openings_));
  }
  return to_text(object);
}

Breaker Breaker::from_text(std::string_view json) {
  Breaker breaker;
  const auto object = parse_json(json);
  if (!object) return breaker;
  const std::string_view state = string_member(*object, "state");
  if (state != "open" && state != "recovering") return breaker;
  breaker.state_ = state == "open" ? State::kOpen : State::kRecovering;
  breaker.limit_ = breaker.state_ == State::kOpen ? 1 : whole(*object, "limit", 1);
  breaker.openings_ = whole(*object, "openings", 1);
  return breaker;
}

}  // namespace sluice::notifier
