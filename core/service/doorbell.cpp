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
    50};                       // while a long transaction holds the bound back; its commit is found within this time
constexpr int kBusyFinds = 3;  // polls in a row that found something after one notification: not a single event
constexpr milliseconds kLinger{20};  // after a notification that was answered at once, before the poll
constexpr int kBusyRings = 3;        // notifications within that time: not a single event
constexpr seconds kHeartbeat{1};
constexpr seconds kAnswer{5};  // no answer for that long: the connection is taken for half-open

Deadline answer_deadline() {
  return Clock::now() + kAnswer;
}

// A flag need not survive a crash of the server: all connections end with it, and begin again at the first poll. So
// nobody waits for its flush.
pg::ConnectOptions unflushed(pg::ConnectOptions options) {
  options.settings.emplace_back("synchronous_commit", "off");
  return options;
}

}  // namespace

Wake Wake::from(const Options& options) {
  return {.by_notification = options.text("database.wake") == "notify",
          .poll_interval = options.duration("database.poll_interval")};
}

Doorbell::Doorbell(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, std::string flag, Wake wake,
                   Metrics& metrics)
    : loop_(loop),
      flag_(std::move(flag)),
      wake_(wake),
      reconnector_(loop, pool, unflushed(std::move(options)), "doorbell of " + flag_),
      found_last_(Clock::now()),
      metrics_(metrics, flag_) {}

Task<void> Doorbell::next(Polled last, StopToken stop) {
  bool lost = false;
  rung_ = false;
  try {
    if (connection_ == nullptr) {
      co_await connect(stop);
    } else if (wake_.by_notification) {
      co_await step(last, stop);
    } else {
      co_await poll_later(last, stop);
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
  unexplained_.reset();
  if (wake_.by_notification) (void)co_await connection_->query("listen sluice_wake", {}, answer_deadline());
  co_await wake();
}

Task<void> Doorbell::step(Polled last, StopToken stop) {
  if (unexplained_ && Clock::now() >= *unexplained_) {
    metrics_.found_by_heartbeat.add();
    unexplained_.reset();
  }
  if (last.found) {
    found_last_ = Clock::now();
    const std::optional<bool> flag_was_up = std::exchange(heartbeat_, std::nullopt);
    if (flag_was_up.value_or(false)) unexplained_ = Clock::now() + kHeartbeat;
    // What is found while draining came from a writer that needed no notification; the state stays.
    if (state_ == State::kDrained) state_ = State::kDrain;
    const bool busy = state_ == State::kIdle && ++found_idle_ >= kBusyFinds;
    if (heard() != Heard::kNothing || busy || flag_was_up) co_await wake();
    co_return;
  }
  heartbeat_.reset();
  found_idle_ = 0;
  switch (state_) {
    case State::kHot:
      if (Clock::now() < found_last_ + kHotFor) {
        (void)co_await loop_.sleep(kHotPause, stop);
        if (heard() != Heard::kNothing) (void)co_await run("lower_flag");
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

// The flag is lowered once a second more, for the sake of a reader that was started with other options and raised it.
Task<void> Doorbell::poll_later(Polled last, StopToken stop) {
  if (last.found) co_return;
  (void)co_await loop_.sleep_until(std::min<Deadline>(Clock::now() + wake_.poll_interval, last.next_due), stop);
  if (Clock::now() >= lowered_ + kHeartbeat) co_await wake();
}

Task<void> Doorbell::declare() {
  (void)co_await run("raise_flag");
  const pg::Result result = co_await connection_->query(sql::query("drain_horizon"), {}, answer_deadline());
  bound_ = result.one().get<std::string>("bound");
  metrics_.declared.add();
  drain_pause_ = kHotPause;
  state_ = State::kDrain;
}

// Leaves DRAIN by looking first and polling after: the poll's snapshot is then at least as new as the one that passed
// the bound.
Task<void> Doorbell::drain(StopToken stop) {
  const pg::Result result =
      co_await connection_->query(sql::query("drain_passed"), pg::Params().text(bound_), answer_deadline());
  Heard what = heard();
  if (what == Heard::kNothing && result.one().get<bool>("passed")) {
    state_ = State::kDrained;
    co_return;
  }
  if (what == Heard::kNothing) {
    const std::optional<pg::Notification> notification =
        co_await connection_->wait_notification(Clock::now() + drain_pause_, stop);
    drain_pause_ = std::min<Clock::duration>(drain_pause_ * 2, kMaxDrainPause);
    if (notification) what = meaning(*notification);
  }
  if (what != Heard::kNothing) {
    rung_ = true;
    on_rung_();
    co_await wake();
  }
}

Task<void> Doorbell::idle(Polled last, StopToken stop) {
  state_ = State::kIdle;
  const Deadline heartbeat = Clock::now() + kHeartbeat;
  const Deadline until = std::min(heartbeat, last.next_due);
  Heard what = heard();
  while (what == Heard::kNothing && !stop.stop_requested() && Clock::now() < until) {
    const std::optional<pg::Notification> notification = co_await connection_->wait_notification(until, stop);
    if (notification) what = meaning(*notification);
  }
  if (what != Heard::kNothing) {
    metrics_.notifications.add();
    rung_ = true;
    on_rung_();
    if (what == Heard::kRing && answers_rings_) what = co_await linger(stop);
    if (what == Heard::kAwake) co_await wake();
  } else if (until == heartbeat) {
    const pg::Result up = co_await run("flag_is_up");
    heartbeat_ = up.one().get<bool>(0);
  }
}

// What was called has read, after the notification, what was committed before it, and with the flag up every later
// commit notifies. So the poll that brings the reader's own snapshot up to date is in no hurry, and does not compete
// with those who are at work on the event. Says kAwake when the flag should go down.
Task<Doorbell::Heard> Doorbell::linger(StopToken stop) {
  const Deadline until = Clock::now() + kLinger;
  for (int rings = 1; rings < kBusyRings;) {
    const std::optional<pg::Notification> notification = co_await connection_->wait_notification(until, stop);
    if (!notification) co_return Heard::kRing;
    const Heard what = meaning(*notification);
    if (what == Heard::kNothing) continue;
    on_rung_();
    if (what == Heard::kAwake) break;
    rings += 1;
  }
  co_return Heard::kAwake;
}

Task<void> Doorbell::wake() {
  (void)co_await run("lower_flag");
  (void)heard();  // those up to now are answered by the poll that follows
  found_last_ = lowered_ = Clock::now();
  found_idle_ = 0;
  heartbeat_.reset();
  state_ = State::kHot;
}

Task<pg::Result> Doorbell::run(std::string_view query) {
  co_return co_await connection_->query(sql::query(query), pg::Params().text(flag_), answer_deadline());
}

// The most that notifications of this flag say; takes all that have come.
Doorbell::Heard Doorbell::heard() {
  Heard most = Heard::kNothing;
  for (const pg::Notification& notification : connection_->take_notifications())
    most = std::max(most, meaning(notification));
  return most;
}

Doorbell::Heard Doorbell::meaning(const pg::Notification& notification) {
  const auto other = others_.find(notification.payload);
  if (other != others_.end()) other->second();
  if (notification.payload == flag_) {
    unexplained_.reset();
    return Heard::kRing;
  }
  return notification.payload == flag_ + ":awake" ? Heard::kAwake : Heard::kNothing;
}

}  // namespace sluice
