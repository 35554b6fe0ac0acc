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

// The log grows while a consumer that nobody runs has not read it: nothing is lost, but somebody must decide.
void tell_trimming(const std::string& result, ListenerMetrics& metrics) {
  constexpr std::string_view kHeld = "held by ";
  const bool held = result.starts_with(kHeld);
  const std::string consumer = held ? result.substr(kHeld.size()) : std::string();
  metrics.trimming_held_by(consumer);
  if (held) {
    log_warn("the event log cannot be trimmed",
             {{"consumer", consumer},
              {"hint",
               "it has not read the oldest events: enable it, remove it by sluice.off_event, or give up what it "
               "has not read by sluice.skip_events"}});
  } else {
    log_debug("event log looked at", {{"result", result}});
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
        tell_trimming(result.one().get<std::string>(0), metrics);
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
