// From a claimed row to an ended attempt.
#include <algorithm>

#include "core/base/log.h"
#include "notifier/pump.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

double in_seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

// Whether a claimed row is something that only its writer's notification could have told of. Retries and what waited
// for room are not.
bool is_news(const Delivery& delivery) {
  return delivery.queue == Queue::kFirst && delivery.attempts == 0 && delivery.age < seconds(1) &&
         delivery.due_at - delivery.created_at < seconds(1);
}

void log_attempt(const Delivery& delivery, const Outcome& outcome, int status) {
  log_debug("attempt ended", {{"delivery", delivery.id},
                              {"endpoint", to_text(delivery.endpoint)},
                              {"message", delivery.message_id},
                              {"attempt", delivery.attempts + 1},
                              {"outcome", name_of(outcome.kind)},
                              {"status", status},
                              {"error", outcome.error_class},
                              {"correlation_id", delivery.correlation_id}});
}

}  // namespace

void Pump::start_claimed(const Asked& asked, const std::vector<pg::Result>& results) {
  if (asked.next_due >= 0) {
    const auto due_ms = results[static_cast<std::size_t>(asked.next_due)].one().get<std::optional<std::int64_t>>(0);
    agenda_.due_in(due_ms ? std::optional(milliseconds(*due_ms)) : std::nullopt, Clock::now());
  }
  news_ = false;
  auto yield = Agenda::Yield::kNothing;
  for (const Queue queue : {Queue::kFirst, Queue::kRetry, Queue::kReplay}) {
    const int place = asked.claims[static_cast<std::size_t>(queue)];
    if (place < 0) continue;
    const pg::Result& rows = results[static_cast<std::size_t>(place)];
    const bool taken = start(rows, queue);
    const bool all = taken && rows.rows() >= asked.limits[static_cast<std::size_t>(queue)];
    if (taken) yield = std::max(yield, all ? Agenda::Yield::kAll : Agenda::Yield::kSome);
  }
  if (yield == Agenda::Yield::kAll && lanes_.are_stocked()) yield = Agenda::Yield::kEnough;
  const auto now = Clock::now();
  agenda_.claimed(yield, std::min(asked.lanes_change, lanes_.next_change(now)), now);
  metrics_.in_flight.set(static_cast<double>(lanes_.in_flight()));
  if (asked.wanted) claimed_.set();
}

// Returns whether any of them was taken.
bool Pump::start(const pg::Result& rows, Queue queue) {
  const auto now = Clock::now();
  bool taken = false;
  ClaimedRows claimed(queue, claimant_, destinations_);
  for (const pg::Row& row : rows) {
    if (capacity() <= 0) break;
    Delivery delivery = claimed.read(row);
    after_[static_cast<std::size_t>(queue)] = delivery.endpoint;
    if (lanes_.is_busy(delivery.id)) continue;
    if (auto end = judge_unsent(delivery)) {
      lanes_.begin_unsent(delivery);
      ended_.push_back({.delivery = std::move(delivery),
                        .outcome = std::move(*end),
                        .started_at = process_.clock().now(),
                        .status = {},
                        .address = {},
                        .response = {}});
      taken = true;
      continue;
    }
    const bool news = is_news(delivery);
    const auto waited = delivery.age - std::chrono::floor<milliseconds>(delivery.due_at - delivery.created_at);
    if (const std::optional<std::uint64_t> era = lanes_.begin(delivery, now)) {
      running_.spawn(deliver(std::move(delivery), *era));
    } else if (capacity() <= limits_.in_flight / 4 || !lanes_.keep(delivery, now)) {
      continue;
    }
    taken = true;
    news_ |= news;
    metrics_.claimed.add();
    if (queue == Queue::kFirst) metrics_.wait.observe(std::max(in_seconds(waited), 0.0));
  }
  return taken;
}

void Pump::begin_waiting(const Uuid& endpoint) {
  while (auto next = lanes_.begin_waiting(endpoint, Clock::now()))
    running_.spawn(deliver(std::move(next->delivery), next->era));
}

Task<void> Pump::deliver(Delivery delivery, std::uint64_t era) {
  Ended ended;
  ended.started_at = process_.clock().now();
  http::Response response = co_await sender_.send(delivery, ended.started_at, break_off_.token());
  ended.duration = response.duration;
  if (response.status != 0) ended.status = response.status;
  ended.address = std::move(response.address);
  ended.outcome = judge(delivery, response, process_.clock().now(), random());
  if (response.status != 0) ended.response = std::move(response.body);
  lanes_.end(delivery, ended.outcome, era, Clock::now(), random());
  begin_waiting(delivery.endpoint);
  if (log_enabled(LogLevel::kDebug)) log_attempt(delivery, ended.outcome, response.status);
  delivery.body.clear();
  ended.delivery = std::move(delivery);
  if (ended.outcome.kind == Outcome::Kind::kInterrupted) {
    drop(ended, name_of(ended.outcome.kind));
  } else {
    ended_.push_back(std::move(ended));
  }
  work_.set();
}

}  // namespace sluice::notifier
