#include "notifier/pump.h"

#include <algorithm>
#include <unordered_set>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::notifier {
namespace {

using std::chrono::seconds;

constexpr seconds kAnswer{30};
constexpr seconds kReviewEvery{1};  // lanes: ours, free ones, those of the dead
constexpr seconds kErrorPause{1};

}  // namespace

Pump::Pump(Loop& loop, pg::Reconnector reconnector, Process& process, Sender& sender, const WebhookKeys& keys,
           NotifierMetrics& metrics, Limits limits, Callbacks callbacks)
    : loop_(loop),
      reconnector_(std::move(reconnector)),
      process_(process),
      sender_(sender),
      metrics_(metrics),
      limits_(limits),
      callbacks_(std::move(callbacks)),
      destinations_(keys),
      sealer_(keys),
      validator_(loop, sender,
                 [this] {
                   reviewed_ = {};
                   work_.set();
                 }),
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
      const bool may_wait = agenda_.comes_back() && lanes_.are_stocked();
      co_await round(wants_claim(now) || !may_wait, stop);
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
    callbacks_.connected(*connection_, address);
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
    co_await sealer_.run_once(*connection_);
    co_await validator_.run_once(*connection_, claimant_->id);
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

Task<void> Pump::give_up_at(Deadline until) {
  (void)co_await loop_.sleep_until(until);
  given_up_.request_stop();
}

Task<void> Pump::finish(Deadline until) {
  validator_.stop();
  lanes_.drop_waiting();
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
