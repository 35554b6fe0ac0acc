#include "notifier/pump.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kAnswer{30};
constexpr seconds kReviewEvery{1};  // lanes: ours, free ones, those of the dead
constexpr seconds kErrorPause{1};
constexpr milliseconds kConflictPause{5};
constexpr milliseconds kUncommittable{60'000};

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

Pump::Pump(Loop& loop, pg::Reconnector reconnector, Process& process, Sender& sender, NotifierMetrics& metrics,
           Limits limits, Callbacks callbacks)
    : loop_(loop),
      reconnector_(std::move(reconnector)),
      process_(process),
      sender_(sender),
      metrics_(metrics),
      limits_(limits),
      callbacks_(std::move(callbacks)),
      running_(loop),
      work_(loop),
      claimed_(loop) {}

Task<void> Pump::listen(Doorbell& doorbell, StopToken stop) {
  doorbell.on_payload("lanes", [this] {
    reviewed_ = {};
    work_.set();
  });
  Polled last{.found = true};
  while (!stop.stop_requested()) {
    co_await doorbell.next(last, stop);
    claim_wanted_ = true;
    work_.set();
    (void)co_await claimed_.wait(kNoDeadline, stop);
    last.found = news_;
  }
}

Task<void> Pump::run(StopToken stop, Clock::duration grace) {
  while (!stop.stop_requested()) {
    const auto now = Clock::now();
    if (connection_ == nullptr) {
      co_await connect(stop);
    } else if (now - reviewed_ >= kReviewEvery) {
      co_await review(stop);
    } else if (!ended_.empty() || wants_claim(now)) {
      co_await round(true, stop);
    } else {
      (void)co_await work_.wait(std::min(wake_at(), reviewed_ + kReviewEvery), stop);
    }
  }
  co_await finish(Clock::now() + grace);
}

Task<void> Pump::connect(StopToken stop) {
  connection_ = co_await reconnector_.connect(stop);
  if (connection_ == nullptr) co_return;
  reviewed_ = {};
  bool lost = false;
  try {
    co_await resolve_doubts();
    const pg::Result address = co_await connection_->query(sql::query("database_address"), {}, Clock::now() + kAnswer);
    callbacks_.connected(address);
  } catch (const pg::PgError& error) {
    if (error.kind() == pg::ErrorKind::kPermanent) throw;
    lost = true;
  }
  if (lost) disconnect();
}

// A commit whose answer was lost may have been made. Its attempts must not be logged twice.
Task<void> Pump::resolve_doubts() {
  std::vector<std::int64_t> ids;
  std::vector<Timestamp> times;
  for (const Ended& ended : ended_) {
    if (!ended.in_doubt) continue;
    ids.push_back(ended.delivery.id);
    times.push_back(ended.started_at);
  }
  if (ids.empty()) co_return;
  const pg::Result rows = co_await connection_->query(
      sql::query("attempts_written"), pg::Params().int8_array(ids).timestamptz_array(times), Clock::now() + kAnswer);
  std::unordered_set<std::int64_t> written;
  for (const pg::Row& row : rows) written.insert(row.get<std::int64_t>(0));
  for (Ended& ended : ended_) {
    if (std::exchange(ended.in_doubt, false) && written.contains(ended.delivery.id)) was_written(ended);
  }
  std::erase_if(ended_, [&](const Ended& ended) { return written.contains(ended.delivery.id); });
}

void Pump::disconnect() {
  connection_.reset();
  callbacks_.disconnected();
}

// Which lanes are ours. When our registration has changed, none of those of the old one are.
Task<void> Pump::review(StopToken stop) {
  Process::Claimant current = co_await process_.claimant(stop);
  if (current == nullptr) co_return;
  if (current != claimant_) lanes_.lose_all();
  claimant_ = std::move(current);
  std::optional<pg::PgError> failure;
  try {
    const pg::Result acquired = co_await connection_->query(sql::query("acquire_lanes"),
                                                            pg::Params().int8(claimant_->id), Clock::now() + kAnswer);
    reviewed_ = Clock::now();
    const Lanes::Review lanes = lanes_.review(acquired, reviewed_);
    if (lanes.gained) agenda_.look_now(reviewed_);
    if (!lanes.surplus.empty()) {
      lanes_.lose(lanes.surplus);
      (void)co_await connection_->query(sql::query("release_lanes"),
                                        pg::Params().int8(claimant_->id).uuid_array(lanes.surplus),
                                        Clock::now() + kAnswer);
    }
  } catch (const pg::PgError& error) {
    failure = error;
  }
  const Lanes::Count count = lanes_.count(Clock::now());
  metrics_.lanes.set(count.owned);
  metrics_.paused.set(count.paused);
  metrics_.open.set(count.open);
  if (!failure) co_return;
  if (failure->kind() == pg::ErrorKind::kLost) {
    disconnect();
  } else {
    log_warn("cannot review lanes", {{"error", failure->message()}});
    reviewed_ = Clock::now();
  }
}

bool Pump::wants_claim(Clock::time_point now) const {
  return claimant_ != nullptr && capacity() > 0 && (claim_wanted_ || wake_at() <= now);
}

Deadline Pump::wake_at() const {
  return capacity() > 0 ? agenda_.wake_at() : kNoDeadline;
}

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
  if (failure) lanes_.give_back(asked.news);
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
  asked.lanes_change = lanes_.next_change(now);
  // A quarter of the slots is kept from retries, and half of them from replays.
  const std::array<int, kQueues> limits = {free, std::min(free, capacity() - limits_.in_flight / 4),
                                           std::min(free, capacity() - limits_.in_flight / 2)};
  for (const Queue queue : {Queue::kFirst, Queue::kRetry, Queue::kReplay}) {
    const auto index = static_cast<std::size_t>(queue);
    if (queue != Queue::kFirst && (!claim.others || limits[index] <= 0)) continue;
    pg::Params params;
    params.int8(claimant_->id).int4(static_cast<std::int32_t>(queue)).int4(limits[index]).uuid(after_[index]);
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

void Pump::start_claimed(const Asked& asked, const std::vector<pg::Result>& results) {
  if (asked.next_due >= 0) {
    const auto due_ms = results[static_cast<std::size_t>(asked.next_due)].one().get<std::optional<std::int64_t>>(0);
    agenda_.due_in(due_ms ? std::optional(milliseconds(*due_ms)) : std::nullopt, Clock::now());
  }
  news_ = false;
  bool begun = false;
  for (const Queue queue : {Queue::kFirst, Queue::kRetry, Queue::kReplay}) {
    const int place = asked.claims[static_cast<std::size_t>(queue)];
    if (place >= 0) begun |= start(results[static_cast<std::size_t>(place)], queue);
  }
  const auto now = Clock::now();
  agenda_.claimed(begun, std::min(asked.lanes_change, lanes_.next_change(now)), now);
  metrics_.in_flight.set(static_cast<double>(lanes_.in_flight()));
  if (std::exchange(claim_wanted_, false)) claimed_.set();
}

// Returns whether any of them was begun.
bool Pump::start(const pg::Result& rows, Queue queue) {
  const auto now = Clock::now();
  bool begun = false;
  for (const pg::Row& row : rows) {
    if (capacity() <= 0) break;
    Delivery delivery = delivery_from(row, queue, claimant_, destinations_);
    after_[static_cast<std::size_t>(queue)] = delivery.endpoint;
    if (lanes_.is_busy(delivery.id)) continue;
    if (auto end = judge_unsent(delivery)) {
      lanes_.begin_unsent(delivery);
      ended_.push_back({.delivery = std::move(delivery),
                        .outcome = std::move(*end),
                        .started_at = utc_now(),
                        .status = {},
                        .address = {},
                        .response = {}});
      begun = true;
      continue;
    }
    const std::optional<std::uint64_t> era = lanes_.begin(delivery, now);
    if (!era) continue;
    begun = true;
    news_ |= is_news(delivery);
    metrics_.claimed.add();
    if (queue == Queue::kFirst) {
      const auto waited = delivery.age - std::chrono::floor<milliseconds>(delivery.due_at - delivery.created_at);
      metrics_.wait.observe(std::max(in_seconds(waited), 0.0));
    }
    running_.spawn(deliver(std::move(delivery), *era));
  }
  return begun;
}

Task<void> Pump::deliver(Delivery delivery, std::uint64_t era) {
  Ended ended;
  ended.started_at = utc_now();
  http::Response response = co_await sender_.send(delivery, break_off_.token());
  ended.duration = response.duration;
  if (response.status != 0) ended.status = response.status;
  ended.address = std::move(response.address);
  ended.outcome = judge(delivery, response, utc_now(), random());
  if (response.status != 0) ended.response = std::move(response.body);
  lanes_.end(delivery, ended.outcome, era, Clock::now(), random());
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

Task<void> Pump::give_up_at(Deadline until) {
  (void)co_await loop_.sleep_until(until);
  given_up_.request_stop();
}

Task<void> Pump::finish(Deadline until) {
  TaskScope timer(loop_);
  timer.spawn(give_up_at(until + kErrorPause));  // so long to write what was broken off, wherever the database is
  while (lanes_.in_flight() > 0 && !given_up_.stop_requested()) {
    if (Clock::now() >= until) break_off_.request_stop();
    if (connection_ == nullptr) {
      co_await connect(given_up_.token());
    } else if (!ended_.empty()) {
      co_await round(false, given_up_.token());
    } else {
      (void)co_await work_.wait(Clock::now() < until ? until : kNoDeadline, given_up_.token());
    }
  }
  if (lanes_.in_flight() > 0)
    log_warn("stopping with outcomes that are not written; they are sent again", {{"count", lanes_.in_flight()}});
  if (connection_ == nullptr || claimant_ == nullptr) co_return;
  try {
    (void)co_await connection_->query(sql::query("release_lanes"),
                                      pg::Params().int8(claimant_->id).uuid_array(lanes_.owned()),
                                      Clock::now() + kErrorPause);
  } catch (const pg::PgError& error) {
    log_warn("cannot give lanes back; others take them in some seconds", {{"error", error.message()}});
  }
}

}  // namespace sluice::notifier
