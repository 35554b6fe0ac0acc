// The plots of the overview: a sample every two seconds, for 15 minutes, in memory.
#pragma once

#include <deque>

#include "console/database.h"
#include "core/base/json.h"
#include "core/base/time.h"

namespace sluice::console {

class Series {
 public:
  // Takes a sample. PgError when the database cannot be asked; the plots then have a gap.
  Task<void> sample(Database& database);

  // {"t": [unix seconds], "events": [per second], …}, oldest first; rates are of the time since the sample before.
  [[nodiscard]] Json document() const;

 private:
  struct Totals {
    double at;  // unix seconds
    double events, steps, attempts, tasks_failed;
  };
  struct Point {
    double at;
    double events, steps, tasks_failed, deliveries, deliveries_failed;  // per second
    double lag;      // seconds that the consumer furthest behind is behind
    double backlog;  // tasks due, of each queue up to 1,000
  };
  std::optional<Totals> before_;
  std::optional<Timestamp> asked_;
  std::deque<Point> points_;
};

}  // namespace sluice::console
