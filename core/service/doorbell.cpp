#include "core/service/doorbell.h"

#include <algorithm>

#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kHotPause{1};
constexpr milliseconds kHotFor{10};  // without finding anything, before going to sleep is worth its round trips
constexpr milliseconds kMaxDrainPause{
    50};  // while a long transaction holds the bound back; its commit is found within this time
constexpr seconds kHeartbeat{1};
constexpr seconds kAnswer{10};  // no answer for that long: the connection is taken for half-open

Deadline answer_deadline() {
  return Clock::now() + kAnswer;
}

}  // namespace

Doorbell::Doorbell(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, std::string flag, Metrics& metrics)
    : loop_(loop),
      flag_(std::move(flag)),
      reconnector_(loop, pool, std::move(options), "doorbell of " + flag_),
      found_last_(Clock::now()),
      notifications_(
          metrics.counter("sluice_" + flag_ + "_notifications_total", "Notifications that woke a sleeping reader.")),
      declared_(
          metrics.counter("sluice_" + flag_ + "_declared_total", "Times a reader declared that it goes to sleep.")),
      found_by_heartbeat_(metrics.counter("sluice_" + flag_ + "_found_by_heartbeat_total",
                                          "Polls of the safety net that found what no notification told of.")) {}

Task<void> Doorbell::next(Polled last, StopToken stop) {
  bool lost = false;
  try {
    if (connection_ == nullptr) {
      co_await connect(stop);
    } else {
      co_await step(last, stop);
    }
  } catch (const pg::PgError& error) {
    if (error.kind() == pg::ErrorKind::kPermanent) throw;
    lost = true;
  }
  if (lost) {
    connection_.reset();
    co_await connect(stop);
  }
}

Task<void> Doorbell::connect(StopToken stop) {
  connection_ = co_await reconnector_.connect(stop);
  if (connection_ == nullptr) co_return;
  // A flag need not survive a crash of the server: all connections end with it, and begin here again. So nobody waits
  // for its flush.
  (void)co_await connection_->query("set synchronous_commit = off", {}, answer_deadline());
  (void)co_await connection_->query("listen sluice_wake", {}, answer_deadline());
  co_await wake();
}

Task<void> Doorbell::step(Polled last, StopToken stop) {
  if (last.found) {
    if (std::exchange(by_heartbeat_, false)) found_by_heartbeat_.add();
    found_last_ = Clock::now();
    // What is found while draining came from a writer that needed no notification; the state stays. A heartbeat's find
    // ends the sleep.
    if (state_ == State::kIdle) co_await wake();
    if (state_ == State::kDrained) state_ = State::kDrain;
    if (rung()) co_await wake();
    co_return;
  }
  by_heartbeat_ = false;
  switch (state_) {
    case State::kHot:
      if (Clock::now() < found_last_ + kHotFor) {
        (void)co_await loop_.sleep(kHotPause, stop);
        if (rung()) (void)co_await run("lower_flag");
      } else {
        co_await declare();
      }
      break;
    case State::kDrain:
      co_await drain(stop);
      break;
    case State::kDrained:
    case State::kIdle:
      co_await idle(last, stop);
      break;
  }
}

Task<void> Doorbell::declare() {
  (void)co_await run("raise_flag");
  const pg::Result result = co_await connection_->query(sql::query("drain_horizon"), {}, answer_deadline());
  bound_ = result.one().get<std::string>("bound");
  declared_.add();
  drain_pause_ = kHotPause;
  state_ = State::kDrain;
}

// Leaves DRAIN by looking first and polling after: the poll's snapshot is then at least as new as the one that passed
// the bound.
Task<void> Doorbell::drain(StopToken stop) {
  const pg::Result result =
      co_await connection_->query(sql::query("drain_passed"), pg::Params().text(bound_), answer_deadline());
  if (rung()) {
    co_await wake();
  } else if (result.one().get<bool>("passed")) {
    state_ = State::kDrained;
  } else {
    const std::optional<pg::Notification> notification =
        co_await connection_->wait_notification(Clock::now() + drain_pause_, stop);
    drain_pause_ = std::min<Clock::duration>(drain_pause_ * 2, kMaxDrainPause);
    if (notification && is_mine(*notification)) co_await wake();
  }
}

Task<void> Doorbell::idle(Polled last, StopToken stop) {
  state_ = State::kIdle;
  const Deadline heartbeat = Clock::now() + kHeartbeat;
  const Deadline until = std::min(heartbeat, last.next_due);
  bool woken = rung();
  while (!woken && !stop.stop_requested() && Clock::now() < until) {
    const std::optional<pg::Notification> notification = co_await connection_->wait_notification(until, stop);
    woken = notification.has_value() && is_mine(*notification);
  }
  if (woken) {
    notifications_.add();
    co_await wake();
  } else if (until == heartbeat) {
    const pg::Result up = co_await run("flag_is_up");
    by_heartbeat_ = up.one().get<bool>(0);
  }
}

Task<void> Doorbell::wake() {
  (void)co_await run("lower_flag");
  (void)rung();  // those up to now are answered by the poll that follows
  found_last_ = Clock::now();
  by_heartbeat_ = false;
  state_ = State::kHot;
}

Task<pg::Result> Doorbell::run(std::string_view query) {
  co_return co_await connection_->query(sql::query(query), pg::Params().text(flag_), answer_deadline());
}

// Whether a notification of this flag has come; takes all that have.
bool Doorbell::rung() {
  bool mine = false;
  for (const pg::Notification& notification : connection_->take_notifications()) mine |= is_mine(notification);
  return mine;
}

bool Doorbell::is_mine(const pg::Notification& notification) {
  const auto other = others_.find(notification.payload);
  if (other != others_.end()) other->second();
  return notification.payload == flag_;
}

}  // namespace sluice
