#include "notifier/lane.h"

#include <algorithm>

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;

// How long an overloaded endpoint is left alone when it does not say; a delivery's own retry may come sooner.
constexpr BackoffPolicy kOverload{
    .base = milliseconds(1000), .factor = 2, .max = std::chrono::seconds(60), .jitter = 0.2};
constexpr milliseconds kShortestPause{100};
constexpr int kMostAhead = 32;
constexpr milliseconds kFresh{1000};  // what was read before that may have been changed; who answered since is well

}  // namespace

Lane::Lane() : overload_(kOverload) {}

void Lane::acquire(std::int64_t token, milliseconds pause, std::optional<std::string_view> breaker,
                   Clock::time_point now) {
  const bool anew = !owned_ || token != token_;
  const bool all_written = unwritten_ == 0 && !pause_changed_ && !breaker_changed_;
  const bool reset_by_hand = pause.count() == 0 && !breaker && all_written;
  owned_ = true;
  token_ = token;
  if (anew) {
    leaving_ = false;
    forget_floors();
    pause_changed_ = false;
    breaker_changed_ = false;
    disable_.clear();
  }
  if (anew || (reset_by_hand && (paused(now) || breaker_.state() != Breaker::State::kClosed))) {
    paused_until_ = now + pause;
    breaker_ = Breaker::from_text(breaker.value_or("{}"));
    overload_.reset();
  }
}

std::optional<int> Lane::room(Queue queue, Clock::time_point now) const {
  if (!owned_ || leaving_ || paused(now)) return 0;
  if (cap_) return limited(breaker_.limit(*cap_) - in_flight_, queue, *cap_, now);
  if (breaker_.state() == Breaker::State::kClosed) return std::nullopt;
  return limited(1, queue, 1, now);
}

// Replays have at most half of an endpoint, so that they never fill it before what is new.
int Lane::limited(int room, Queue queue, int limit, Clock::time_point now) const {
  if (queue == Queue::kReplay) room = std::min(room, std::max(limit / 2, 1) - replays_in_flight_);
  if (const auto rate = rate_.available(now)) room = std::min(room, *rate);
  return std::max(room, 0);
}

// Two whole sets of places: while one is in flight, the next is at hand and the one after it is claimed.
int Lane::read_ahead(Clock::time_point now) const {
  const bool all_goes_well =
      cap_ && owned_ && !leaving_ && breaker_.is_untroubled() && !rate_.is_limited() && now - delivered_at_ < kFresh;
  return all_goes_well ? std::min(2 * *cap_, kMostAhead) : 0;
}

std::optional<int> Lane::wanted(Queue queue, Clock::time_point now) const {
  std::optional<int> wanted = room(queue, now);
  if (queue != Queue::kFirst || !wanted || paused(now)) return wanted;
  return *wanted + std::max(read_ahead(now) - static_cast<int>(waiting_.size()), 0);
}

bool Lane::keep(Delivery& delivery, Clock::time_point now) {
  if (delivery.queue != Queue::kFirst || delivery.lane_token != token_ || paused(now)) return false;
  if (static_cast<int>(waiting_.size()) >= read_ahead(now)) return false;
  raise_floor(delivery);
  waiting_.push_back({std::move(delivery), now});
  return true;
}

std::optional<Delivery> Lane::take_waiting(Clock::time_point now) {
  if (waiting_.empty() || waits_in_vain(now) || room(Queue::kFirst, now).value_or(0) <= 0) return std::nullopt;
  Delivery next = std::move(waiting_.front().delivery);
  waiting_.pop_front();
  return next;
}

bool Lane::waits_in_vain(Clock::time_point now) const {
  return !waiting_.empty() && (read_ahead(now) == 0 || paused(now) || waiting_.front().delivery.lane_token != token_ ||
                               now - waiting_.front().since > kFresh);
}

std::vector<std::int64_t> Lane::drop_waiting() {
  std::vector<std::int64_t> ids;
  ids.reserve(waiting_.size());
  for (const Waiting& waiting : waiting_) ids.push_back(waiting.delivery.id);
  if (!waiting_.empty()) forget_floors();
  waiting_.clear();
  return ids;
}

void Lane::raise_floor(const Delivery& delivery) {
  auto& floor = floors_[static_cast<std::size_t>(delivery.queue)];
  const Floor here{delivery.due_at, delivery.id};
  floor = std::max(floor.value_or(here), here);
}

Deadline Lane::next_change(Clock::time_point now) const {
  if (!owned_ || leaving_) return kNoDeadline;
  return paused(now) ? paused_until_ : rate_.next(now);
}

std::optional<std::uint64_t> Lane::begin(const Delivery& delivery, Clock::time_point now) {
  if (!owned_ || delivery.lane_token != token_) return std::nullopt;
  cap_ = delivery.destination->max_in_flight;
  rate_.set(delivery.destination->rate_limit, now);
  if (room(delivery.queue, now).value_or(0) <= 0) return std::nullopt;
  rate_.take(now);
  in_flight_ += 1;
  if (delivery.queue == Queue::kReplay) replays_in_flight_ += 1;
  raise_floor(delivery);
  if (breaker_.state() == Breaker::State::kOpen) breaker_changed_ = true;
  return breaker_.begin();
}

void Lane::end(const Delivery& delivery, const Outcome& outcome, std::uint64_t era, Clock::time_point now, double u) {
  in_flight_ -= 1;
  if (delivery.queue == Queue::kReplay) replays_in_flight_ -= 1;
  unwritten_ += 1;
  if (!owned_ || delivery.lane_token != token_) return;
  if (!outcome.disable.empty()) disable_ = outcome.disable;
  if (outcome.kind == Outcome::Kind::kDelivered) {
    overload_.reset();
    delivered_at_ = now;
    breaker_changed_ |= breaker_.succeeded(era, *cap_);
    return;
  }
  if (outcome.kind == Outcome::Kind::kInterrupted) return;
  if (outcome.kind == Outcome::Kind::kDeferred) {
    pause_for(overload_.next(), now);
    return;
  }
  if (outcome.pause && outcome.pause->count() > 0) {
    pause_for(*outcome.pause, now);
  } else if (outcome.overloaded) {
    const milliseconds asked = overload_.next();
    pause_for(outcome.kind == Outcome::Kind::kRetry ? std::min(asked, std::max(outcome.delay, kShortestPause)) : asked,
              now);
  }
  if (const auto opened = breaker_.failed(era, u)) {
    breaker_changed_ = true;
    pause_for(*opened, now);
  }
}

void Lane::pause_for(milliseconds pause, Clock::time_point now) {
  if (now + pause <= paused_until_) return;
  paused_until_ = now + pause;
  pause_changed_ = true;
}

LaneNews Lane::take_news(Clock::time_point now) {
  LaneNews news;
  if (std::exchange(pause_changed_, false)) {
    news.pause = std::max(std::chrono::ceil<milliseconds>(paused_until_ - now), milliseconds(1));
  }
  if (std::exchange(breaker_changed_, false)) news.breaker = breaker_.text();
  news.disable = std::exchange(disable_, {});
  return news;
}

void Lane::give_back(const LaneNews& news) {
  pause_changed_ |= news.pause.has_value();
  breaker_changed_ |= news.breaker.has_value();
  if (disable_.empty()) disable_ = news.disable;
}

}  // namespace sluice::notifier
