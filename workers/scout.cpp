#include "workers/scout.h"

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLook{1};  // between looks whether the scout is still there, and between its own signs of life
constexpr milliseconds kCallEvery{20};  // those who come find enough for a while
constexpr seconds kAnswer{10};

Deadline answer_deadline() {
  return Clock::now() + kAnswer;
}

}  // namespace

Scout::Scout(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, Wake wake, Doorbell& doorbell,
             WorkerMetrics& metrics)
    : reconnector_(loop, pool, std::move(options), "scout"),
      by_notification_(wake.by_notification),
      doorbell_(doorbell),
      metrics_(metrics) {}

Task<void> Scout::next(Claimed last, StopToken stop) {
  bool lost = false;
  try {
    if (!by_notification_) {
      co_await doorbell_.next(last, stop);
    } else if (connection_ == nullptr) {
      co_await connect(stop);
    } else if (scout_) {
      co_await lead(last, stop);
    } else {
      co_await follow(last, stop);
    }
  } catch (const pg::PgError& error) {
    if (error.kind() == pg::ErrorKind::kPermanent) throw;
    lost = true;
  }
  if (lost) {
    become(false);
    connection_.reset();
    co_await connect(stop);
  }
}

Task<void> Scout::connect(StopToken stop) {
  connection_ = co_await reconnector_.connect(stop);
  if (connection_ == nullptr) co_return;
  (void)co_await connection_->query("set synchronous_commit = off", {}, answer_deadline());
  (void)co_await connection_->query("listen sluice_workers", {}, answer_deadline());
  ask_now_ = true;
}

Task<void> Scout::lead(Claimed last, StopToken stop) {
  if (last.full && Clock::now() >= called_ + kCallEvery) {
    co_await run("call_workers");
    called_ = Clock::now();
    metrics_.calls.add();
  } else if (Clock::now() >= heard_ + kLook) {
    co_await run("scout_beat");
  }
  (void)connection_->take_notifications();  // our own calls
  co_await doorbell_.next(last, stop);
}

// While there is work it is taken. Then sleep: nobody but the scout polls.
Task<void> Scout::follow(Claimed last, StopToken stop) {
  if (last.found) co_return;
  bool called = false;
  while (!called && !stop.stop_requested()) {
    std::optional<pg::Notification> notification;
    if (!ask_now_) notification = co_await connection_->wait_notification(Clock::now() + kLook, stop);
    called = notification && notification->payload == "more";
    if (!called) called = co_await ask_for_place();
  }
}

// True when this worker is to claim now: as the scout that it has become, or because there is none to rely on.
Task<bool> Scout::ask_for_place() {
  ask_now_ = false;
  const pg::Result answer = co_await connection_->query(sql::query("take_scout"), {}, answer_deadline());
  heard_ = Clock::now();
  const bool mine = answer.one().get<bool>("mine");
  if (mine) become(true);
  co_return mine || answer.one().get<bool>("alone");
}

Task<void> Scout::step_down() {
  ask_now_ = true;
  if (!scout_ || connection_ == nullptr) co_return;
  become(false);
  bool lost = false;
  try {
    co_await run("leave_scout");
  } catch (const pg::PgError& error) {
    if (error.kind() == pg::ErrorKind::kPermanent) throw;
    lost = true;
  }
  if (lost) connection_.reset();
}

void Scout::become(bool scout) {
  if (scout_ && !scout) doorbell_.leave();
  if (scout_ != scout) log_debug(scout ? "looking out for tasks" : "no longer looking out for tasks");
  scout_ = scout;
  metrics_.scouting.set(scout ? 1 : 0);
}

Task<void> Scout::run(std::string_view query) {
  (void)co_await connection_->query(sql::query(query), {}, answer_deadline());
  heard_ = Clock::now();
}

}  // namespace sluice::workers
