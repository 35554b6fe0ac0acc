// One round trip of the pump: what has ended is written, the next deliveries are claimed.
#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "notifier/pump.h"
#include "sql/sql_text.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kAnswer{30};
constexpr seconds kErrorPause{1};
constexpr milliseconds kConflictPause{5};
constexpr milliseconds kUncommittable{60'000};

double in_seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

// One round trip. Claims write nothing, so an answer that is lost costs nothing; outcomes whose answer is lost are
// given again, which their deliveries and tokens make harmless.
Task<void> Pump::round(bool claim, StopToken stop) {
  std::vector<Ended> batch = take_batch();
  pg::Pipeline pipeline;
  Asked asked;
  if (!batch.empty()) add_commit(pipeline, asked, batch);
  if (claim && claimant_ != nullptr && capacity() > 0) add_claims(pipeline, asked);
  if (!asked.anything()) co_return;
  std::vector<pg::Result> results;
  std::optional<pg::PgError> failure;
  try {
    results = co_await connection_->run(std::move(pipeline), Clock::now() + kAnswer);
  } catch (const pg::PgError& error) {
    failure = error;
  }
  if (failure) {
    lanes_.give_back(asked.news);
    claim_wanted_ |= asked.wanted;
  }
  if (!failure) {
    if (asked.commit >= 0) settle(batch, results[static_cast<std::size_t>(asked.commit)]);
    if (asked.claims[0] >= 0) start_claimed(asked, results);
  } else if (failure->kind() == pg::ErrorKind::kLost) {
    for (Ended& ended : batch) ended.in_doubt = true;
    put_back(std::move(batch));
    disconnect();
  } else if (batch.empty()) {
    log_warn("cannot claim deliveries", {{"error", failure->message()}});
    (void)co_await loop_.sleep(kErrorPause, stop);
  } else {
    log_warn("outcomes cannot be written together", {{"count", batch.size()}, {"error", failure->message()}});
    co_await commit_parts(std::move(batch), failure->kind() == pg::ErrorKind::kTransient, stop);
  }
}

// One bad row never fails its batch: each is tried by itself. One that cannot be written at all is put off, so that it
// is not sent over and over.
Task<void> Pump::commit_parts(std::vector<Ended> batch, bool transient, StopToken stop) {
  if (transient) (void)co_await loop_.sleep(kConflictPause, stop);
  for (Ended& ended : batch) {
    if (connection_ == nullptr) {
      ended_.push_back(std::move(ended));
      continue;
    }
    std::optional<pg::PgError> failure;
    Asked asked;
    try {
      pg::Pipeline pipeline;
      add_commit(pipeline, asked, std::span(&ended, 1));
      const std::vector<pg::Result> results = co_await connection_->run(std::move(pipeline), Clock::now() + kAnswer);
      settle(std::span(&ended, 1), results.front());
    } catch (const pg::PgError& error) {
      failure = error;
    }
    if (!failure) continue;
    lanes_.give_back(asked.news);
    ended.in_doubt = failure->kind() == pg::ErrorKind::kLost;
    if (ended.in_doubt) disconnect();
    const bool bad = failure->kind() == pg::ErrorKind::kPermanent;
    if (bad) {
      log_error("an outcome cannot be written", {{"delivery", ended.delivery.id},
                                                 {"endpoint", to_text(ended.delivery.endpoint)},
                                                 {"outcome", name_of(ended.outcome.kind)},
                                                 {"error", failure->message()}});
    }
    if (bad && ended.outcome.kind == Outcome::Kind::kDeferred) {
      drop(ended, "lost");
      continue;
    }
    if (bad) {
      ended.outcome.kind = Outcome::Kind::kDeferred;
      ended.outcome.delay = kUncommittable;
    }
    ended_.push_back(std::move(ended));
  }
}

// Outcomes of one claimant: a lane is fenced by its owner's id as well.
std::vector<Ended> Pump::take_batch() {
  std::vector<Ended> batch;
  while (!ended_.empty() && static_cast<int>(batch.size()) < limits_.batch) {
    if (!batch.empty() && ended_.front().delivery.claimant != batch.front().delivery.claimant) break;
    batch.push_back(std::move(ended_.front()));
    ended_.pop_front();
  }
  return batch;
}

void Pump::put_back(std::vector<Ended> batch) {
  ended_.insert(ended_.begin(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
}

void Pump::add_commit(pg::Pipeline& pipeline, Asked& asked, std::span<const Ended> batch) {
  asked.news = lanes_.take_news(batch, Clock::now());
  asked.commit = static_cast<int>(pipeline.size());
  pipeline.add(sql::query("commit_attempts"), commit_params(batch.front().delivery.claimant->id, batch, asked.news));
}

void Pump::add_claims(pg::Pipeline& pipeline, Asked& asked) {
  const auto now = Clock::now();
  const int free = std::min(capacity(), limits_.batch);
  const Agenda::Claim claim = agenda_.next_claim(now);
  // What the doorbell wants from now on is another claim's: this one may not see what it rings for.
  asked.wanted = std::exchange(claim_wanted_, false);
  asked.lanes_change = lanes_.next_change(now);
  // A quarter of the slots is kept from retries, and half of them from replays.
  asked.limits = {free, std::min(free, capacity() - limits_.in_flight / 4),
                  std::min(free, capacity() - limits_.in_flight / 2)};
  for (const Queue queue : {Queue::kFirst, Queue::kRetry, Queue::kReplay}) {
    const auto index = static_cast<std::size_t>(queue);
    if (queue != Queue::kFirst && (!claim.others || asked.limits[index] <= 0)) continue;
    pg::Params params;
    params.int8(claimant_->id).int4(static_cast<std::int32_t>(queue)).int4(asked.limits[index]).uuid(after_[index]);
    lanes_.add_claim_params(params, queue, claim.reach, now);
    asked.claims[index] = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("claim_deliveries"), std::move(params));
  }
  if (claim.ahead) {
    asked.next_due = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("next_due_delivery"), pg::Params().int8(claimant_->id));
  }
}

void Pump::settle(std::span<const Ended> batch, const pg::Result& result) {
  metrics_.batch.observe(static_cast<double>(batch.size()));
  const auto written = result.one().get<std::vector<std::string>>(0);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Ended& ended = batch[i];
    if (written[i] != "t") {
      drop(ended, "lost");
      continue;
    }
    was_written(ended);
  }
  metrics_.in_flight.set(static_cast<double>(lanes_.in_flight()));
}

void Pump::was_written(const Ended& ended) {
  lanes_.written(ended.delivery);
  metrics_.ended(name_of(ended.outcome.kind), ended.outcome.error_class, in_seconds(ended.duration));
  const bool again = ended.outcome.kind == Outcome::Kind::kRetry || ended.outcome.kind == Outcome::Kind::kDeferred;
  if (again) agenda_.scheduled(ended.outcome.delay, Clock::now());
  if (ended.outcome.kind == Outcome::Kind::kDead) {
    log_warn("a delivery is dead", {{"delivery", ended.delivery.id},
                                    {"endpoint", to_text(ended.delivery.endpoint)},
                                    {"message", ended.delivery.message_id},
                                    {"attempts", ended.delivery.attempts + 1},
                                    {"error", ended.outcome.error_class},
                                    {"correlation_id", ended.delivery.correlation_id}});
  }
  if (!ended.outcome.disable.empty()) {
    log_warn("an endpoint is disabled",
             {{"endpoint", to_text(ended.delivery.endpoint)}, {"reason", ended.outcome.disable}});
  }
}

// Nothing of it was written: its lane or the delivery itself is somebody else's now.
void Pump::drop(const Ended& ended, std::string_view outcome) {
  lanes_.lost(ended.delivery);
  metrics_.ended(outcome, ended.outcome.error_class, in_seconds(ended.duration));
  log_debug("outcome dropped", {{"delivery", ended.delivery.id}, {"outcome", outcome}});
}

}  // namespace sluice::notifier
