// Runs sql tasks that make one call without claims: the server takes the next due ones, runs them and ends them in one
// transaction, so that a task is written to once instead of twice (docs/decisions/0043).
#pragma once

#include <optional>

#include "core/async/task_scope.h"
#include "core/pg/pool.h"
#include "workers/sql_tasks.h"
#include "workers/worker_metrics.h"

namespace sluice::workers {

class SqlBacklog {
 public:
  // Uses up to two connections of `pool` at once.
  SqlBacklog(Loop& loop, pg::Pool& pool, SqlTasks& tasks, WorkerMetrics& metrics);

  // A claim that found some begins, and these are its tasks.
  void claim_begins();
  void claimed(const ClaimedTask& task);

  // Whether all of that claim were first attempts of one call, of which at least so many go together.
  [[nodiscard]] bool is_likely(std::size_t at_once) const;

  struct Progress {
    Timestamp reached;  // the greatest order_key, or `since`
    bool any = false;   // some were run
  };

  // kNext: one transaction. kAll: two at once, again and again, until others are due, none is left, some fail or take
  // long, a second has passed or the worker stops.
  enum class Extent { kNext, kAll };

  // Runs due tasks that make the call of that claim, with an order_key of at least `since`. Returns after a second at
  // the latest: a transaction that turns out to take longer goes on by itself. What failed is left as it was, to be
  // claimed.
  Task<Progress> work_off(Timestamp since, Extent extent, StopToken stop);

  // Waits for such transactions.
  Task<void> finish(Deadline deadline);

 private:
  Task<void> run_batches(SqlCall call, std::size_t at_once, Clock::time_point until, StopToken stop);
  void ended(const pg::Row& row, std::chrono::microseconds took);

  pg::Pool& pool_;
  SqlTasks& tasks_;
  WorkerMetrics& metrics_;
  std::optional<SqlCall> call_;  // of the last claim
  bool mixed_ = false;           // it had others
  bool more_ = false;            // there may be more to take
  Progress progress_;
  int at_work_ = 0;  // transactions
  Event changed_;    // one has ended
  TaskScope transactions_;
};

}  // namespace sluice::workers
