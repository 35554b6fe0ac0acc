// The overview: what goes on, asked every two seconds for all who look, and its plots of the last 15 minutes, in
// memory.
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

  // Whether the newest sample is young enough to be shown as what goes on now.
  [[nodiscard]] bool fresh() const { return Clock::now() < fresh_until_; }

  // What sluice.activity() said at the newest sample, as JSON, and when that was.
  [[nodiscard]] const std::string& activity() const noexcept { return activity_; }
  [[nodiscard]] Timestamp taken_at() const { return asked_.value(); }

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
  std::string activity_;
  Deadline fresh_until_{};
  std::deque<Point> points_;
};

}  // namespace sluice::console
