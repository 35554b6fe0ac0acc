#include "workers/sql_backlog.h"

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using std::chrono::microseconds;

constexpr int kTransactions = 2;               // at once, for a backlog
constexpr std::chrono::seconds kForAWhile{1};  // then a claim looks at everything that is due
constexpr std::chrono::milliseconds kLong{30};

pg::Params params_of(const SqlCall& call, std::size_t most, Timestamp since) {
  pg::Params params;
  params.text(call.function).text(call.role).int4(static_cast<std::int32_t>(most)).timestamptz(since);
  return params;
}

}  // namespace

SqlBacklog::SqlBacklog(Loop& loop, pg::Pool& pool, SqlTasks& tasks, WorkerMetrics& metrics)
    : pool_(pool), tasks_(tasks), metrics_(metrics), changed_(loop), transactions_(loop) {}

void SqlBacklog::claim_begins() {
  call_.reset();
  mixed_ = false;
}

void SqlBacklog::claimed(const ClaimedTask& task) {
  if (mixed_) return;
  mixed_ = task.kind != "sql" || task.attempt > 1;
  if (mixed_) return;
  SqlCall call = call_of(task);
  mixed_ = call_ && *call_ != call;
  call_ = std::move(call);
}

bool SqlBacklog::is_likely(std::size_t at_once) const {
  return call_ && !mixed_ && at_work_ == 0 && tasks_.at_once(*call_) >= at_once;
}

Task<SqlBacklog::Progress> SqlBacklog::work_off(Timestamp since, Extent extent, StopToken stop) {
  const SqlCall call = *call_;
  const auto now = Clock::now();
  const auto until = extent == Extent::kAll ? now + kForAWhile : now;
  progress_ = {.reached = since};
  more_ = true;
  for (int i = 0; i < (extent == Extent::kAll ? kTransactions : 1); ++i)
    transactions_.spawn(run_batches(call, tasks_.at_once(call), until, stop));
  co_await finish(now + kForAWhile);
  co_return progress_;
}

Task<void> SqlBacklog::finish(Deadline deadline) {
  while (at_work_ > 0 && Clock::now() < deadline) (void)co_await changed_.wait(deadline);
}

Task<void> SqlBacklog::run_batches(SqlCall call, std::size_t at_once, Clock::time_point until, StopToken stop) {
  ++at_work_;
  do {
    try {
      const pg::Lease connection = co_await pool_.acquire();
      const pg::Result rows =
          co_await connection->query(sql::query("run_due_sql_tasks"), params_of(call, at_once, progress_.reached));
      const microseconds took(rows.empty() ? 0 : rows[0].get<std::int64_t>(3));
      for (const pg::Row& row : rows) ended(row, took);
      if (rows.rows() < static_cast<int>(at_once)) more_ = false;
      if (took > kLong) {
        tasks_.were_not_quick(call, at_once);
        more_ = false;
      }
    } catch (const pg::PgError& error) {
      log_debug("a backlog is worked off by claims", {{"function", call.function}, {"error", error.message()}});
      tasks_.were_not_quick(call, at_once);
      call_.reset();  // what is bad is found by those that are claimed
      more_ = false;
    }
  } while (more_ && Clock::now() < until && !stop.stop_requested());
  --at_work_;
  changed_.set();
}

void SqlBacklog::ended(const pg::Row& row, microseconds took) {
  progress_.reached = std::max(progress_.reached, row.get<Timestamp>(1));
  progress_.any = true;
  metrics_.claimed.add();
  metrics_.ended("sql", "applied", std::chrono::duration<double>(took).count());
  log_debug("task ended", {{"task", row.get<std::int64_t>(0)},
                           {"kind", "sql"},
                           {"outcome", "applied"},
                           {"correlation_id", row.get<std::optional<std::string>>(2).value_or("")}});
}

}  // namespace sluice::workers
