// One consumer of events that this listener runs: batch after batch from its durable cursor (DESIGN 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/async/event.h"
#include "core/async/task.h"
#include "core/base/backoff.h"
#include "core/pg/pool.h"
#include "listener/handlers.h"
#include "listener/listener_metrics.h"

namespace sluice::listener {

// A row of list_consumers.
struct ConsumerSpec {
  std::int64_t id = 0;
  std::string name;
  std::string kind;       // webhooks, relay, sql, task, log
  int max_attempts = 10;  // of one event before it is parked

  bool operator==(const ConsumerSpec&) const = default;
};

// Handlers inside the database do their work and move the cursor in one transaction: exactly once. Those in C++ do it
// first and the cursor moves then: at least once. A batch that fails changes nothing; the consumer goes down to single
// events to find the one that fails, tries that with backoff and parks it when its attempts are used up. Other
// consumers go on meanwhile.
class Consumer {
 public:
  Consumer(Loop& loop, pg::Pool& pool, ConsumerSpec spec, const Handlers& handlers, int batch_size,
           ListenerMetrics& metrics);

  // There may be something new. It begins at `when` unless it is at work already.
  void wake(Clock::time_point when = {}) noexcept {
    begin_ = when;
    woken_.set();
  }

  // There are parked events to take again.
  void retry_parked() noexcept {
    retry_ = true;
    wake();
  }

  // Runs until `stop`, or until it turns out that another listener runs the consumer.
  Task<void> run(StopToken stop);

  [[nodiscard]] const ConsumerSpec& spec() const noexcept { return spec_; }

  // A statement that is under way: on which process of the server, since when.
  struct Statement {
    int server_pid;
    Clock::time_point sent;
  };
  [[nodiscard]] std::optional<Statement> under_way() const noexcept;

  // Gives up the statement under way, if any, whose answer does not come any more; the batch is tried again.
  void hang_up() noexcept;

 private:
  class UnderWay;
  enum class After { kMore, kEmpty, kFailed, kTaken };

  Task<After> batch();
  Task<After> handle(int limit);
  Task<bool> run_in_database(int limit);
  Task<bool> run_here(const Handler& handler, int limit);
  Task<pg::Result> ask(std::string_view statement, pg::Params params);
  Task<void> park(const std::string& error);
  Task<After> after_failure(const std::string& error);
  Task<After> parked();

  Loop& loop_;
  pg::Pool& pool_;
  ConsumerSpec spec_;
  const Handlers& handlers_;
  int batch_size_;
  ListenerMetrics& metrics_;
  pg::Connection* connection_ = nullptr;  // while a statement is under way
  Clock::time_point sent_{};
  Event woken_;
  Clock::time_point begin_{};  // not before, once woken
  Backoff backoff_;
  bool retry_ = false;  // parked events, before the next batch
  int careful_ = 0;     // so many events are still to be taken one at a time
  int attempts_ = 0;    // of the event at the cursor
};

}  // namespace sluice::listener
