#include "listener/housekeeping.h"

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::listener {
namespace {

using std::chrono::seconds;

constexpr seconds kLagEvery{5};
constexpr seconds kTrimEvery{60};
constexpr seconds kRetentionEvery{3600};
constexpr seconds kAnswer{60};

Task<void> measure_lag(pg::Connection& connection, ListenerMetrics& metrics) {
  const pg::Result rows = co_await connection.query(sql::query("lag"), {}, Clock::now() + kAnswer);
  for (const pg::Row& row : rows) {
    metrics.lag(row.get<std::string>("name"), row.get<std::optional<double>>("events_behind").value_or(0),
                row.get<std::optional<double>>("seconds_behind").value_or(0));
  }
}

}  // namespace

Task<void> keep_house(Loop& loop, pg::Pool& pool, ListenerMetrics& metrics, StopToken stop) {
  Clock::time_point trimmed{};
  Clock::time_point retained{};
  while (!stop.stop_requested()) {
    try {
      pg::Lease connection = co_await pool.acquire(Clock::now() + kAnswer);
      co_await measure_lag(*connection, metrics);
      if (Clock::now() - trimmed >= kTrimEvery) {
        const pg::Result result = co_await connection->query(sql::query("trim_events"), {}, Clock::now() + kAnswer);
        log_debug("event log looked at", {{"result", result.one().text(0)}});
        trimmed = Clock::now();
      }
      if (Clock::now() - retained >= kRetentionEvery) {
        (void)co_await connection->query(sql::query("ensure_partitions"), {}, Clock::now() + kAnswer);
        (void)co_await connection->query(sql::query("expire_deliveries"), {}, Clock::now() + kAnswer);
        retained = Clock::now();
      }
    } catch (const pg::PgError& error) {
      if (error.kind() != pg::ErrorKind::kLost) log_warn("housekeeping failed", {{"error", error.message()}});
    }
    (void)co_await loop.sleep(kLagEvery, stop);
  }
}

}  // namespace sluice::listener
