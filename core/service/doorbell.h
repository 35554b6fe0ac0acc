// When to poll a table that others write to, without a NOTIFY on each write and without missing one (DESIGN 4,
// "Sleep").
//
// Writers insert and then read a flag, the last value of a sequence: 0 says that a reader is awake and will find the
// row by itself, anything else that it must be notified. The reader moves through four states:
//
//   HOT      polls at once after finding something, else every millisecond; the flag is 0
//   DECLARE  sets the flag to 1 in a transaction of its own, then takes B = pg_current_xact_id() in another
//   DRAIN    polls until a snapshot with xmin >= B was taken before a poll that found nothing: a writer that read 0 had
//            its transaction id before it read, hence below B, so by then it has ended and its rows were seen; one that
//            reads 1 notifies
//   IDLE     waits for a notification, with the flag at 1. One alone is answered by one look, the flag stays up; when
//            more come meanwhile, or another reader says that it is awake, HOT with the flag at 0
//
// A poll a second in IDLE is the safety net: a reader killed while HOT leaves the flag at 0 until another declares.
// What that poll finds while the flag was up is counted in sluice_<flag>_found_by_heartbeat_total and must stay 0:
// somebody should have notified. The writers' half, and how several readers share a flag, is written in
// sql/api/doorbell.sql.
//
// With database.wake = poll there are no notifications: the flag is kept at 0 and polls come at a fixed distance.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/async/stop_token.h"
#include "core/pg/reconnect.h"
#include "core/service/doorbell_metrics.h"
#include "core/service/options.h"

namespace sluice {

// What a poll came to.
struct Polled {
  bool found = false;
  Deadline next_due = kNoDeadline;  // when something known but not yet due becomes so: wakes without counting as missed
};

// How readers learn that there is something: database.wake and database.poll_interval.
struct Wake {
  bool by_notification = true;
  std::chrono::milliseconds poll_interval{};  // without notifications

  [[nodiscard]] static Wake from(const Options& options);
};

class Doorbell {
 public:
  // `flag` is events, tasks or deliveries. It has a connection of its own, opened by next(), which must be to the
  // server itself when `wake` is by notification (session_of()): poolers in transaction mode lose them.
  Doorbell(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, std::string flag, Wake wake, Metrics& metrics);

  // Calls `call`, from inside next() and before it returns, each time that a sleeping reader is notified: what need not
  // wait for the poll begins at once, and must look by itself for what was committed. next() then returns some
  // milliseconds later.
  void on_rung(std::function<void()> call) {
    on_rung_ = std::move(call);
    answers_rings_ = true;
  }

  // Calls `call`, from inside next(), for each notification with that payload: lists changed, endpoints changed.
  void on_payload(std::string payload, std::function<void()> call) {
    others_.emplace(std::move(payload), std::move(call));
  }

  // As that of pg::Reconnector: while the doorbell cannot listen, nobody else may notice that the database is away.
  void on_outage(std::function<void(bool over)> call) { reconnector_.on_outage(std::move(call)); }

  void on_connected(std::function<void(const pg::Connection& connection)> call) {
    reconnector_.on_connected(std::move(call));
  }

  // Tells the outcome of the last poll and returns when it is time for the next, or when `stop` came. A lost connection
  // is made anew here, and counts as a wake-up.
  Task<void> next(Polled last, StopToken stop);

  // Whether the last next() returned because a reader was notified that slept or was about to.
  [[nodiscard]] bool rung() const noexcept { return rung_; }

  // Stops listening, for another process does; next() then begins anew.
  void leave() noexcept { connection_.reset(); }

 private:
  enum class State { kHot, kDrain, kDrained, kIdle };

  Task<void> step(Polled last, StopToken stop);
  Task<void> connect(StopToken stop);
  Task<void> declare();
  Task<void> drain(StopToken stop);
  Task<void> idle(Polled last, StopToken stop);
  enum class Heard { kNothing, kRing, kAwake };  // kAwake: another reader lowered the flag, this one must poll too
  Task<Heard> linger(StopToken stop);
  Task<void> wake();
  Task<pg::Result> run(std::string_view query);
  Task<void> poll_later(Polled last, StopToken stop);
  [[nodiscard]] Heard heard();
  [[nodiscard]] Heard meaning(const pg::Notification& notification);

  Loop& loop_;
  std::string flag_;
  Wake wake_;
  std::function<void()> on_rung_ = [] {};
  bool answers_rings_ = false;
  bool rung_ = false;
  std::map<std::string, std::function<void()>, std::less<>> others_;
  pg::Reconnector reconnector_;
  std::unique_ptr<pg::Connection> connection_;
  State state_ = State::kHot;
  std::string bound_;
  Deadline found_last_;
  Clock::duration drain_pause_{};
  Deadline lowered_{};             // when the flag was last set to 0, for wake = poll
  int found_idle_ = 0;             // polls in a row that found something in IDLE
  std::optional<bool> heartbeat_;  // the last poll was the safety net's, and whether the flag was up then
  std::optional<Clock::time_point>
      unexplained_;  // until when what it found may be a commit whose notification is on its way
  DoorbellMetrics metrics_;
};

}  // namespace sluice
