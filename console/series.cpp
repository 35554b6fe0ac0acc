#include "console/series.h"

#include <algorithm>

namespace sluice::console {
namespace {

constexpr std::chrono::seconds kFresh{5};
constexpr std::size_t kPoints = 450;  // 15 minutes of one every two seconds

}  // namespace

Task<void> Series::sample(Database& database) {
  const pg::Result result =
      co_await database.read("console_sample", pg::Params().timestamptz(asked_.value_or(utc_now())));
  const pg::Row row = result.one();
  const Totals now{row.get<double>("at"), row.get<double>("events"), row.get<double>("steps"),
                   row.get<double>("attempts"), row.get<double>("tasks_failed")};
  if (before_ && now.at > before_->at) {
    // Totals begin anew when the server's statistics do.
    const auto rate = [&](double total, double earlier) {
      return std::max(0.0, total - earlier) / (now.at - before_->at);
    };
    points_.push_back({.at = now.at,
                       .events = rate(now.events, before_->events),
                       .steps = rate(now.steps, before_->steps),
                       .tasks_failed = rate(now.tasks_failed, before_->tasks_failed),
                       .deliveries = rate(now.attempts, before_->attempts),
                       .deliveries_failed = rate(row.get<double>("deliveries_failed"), 0),
                       .lag = row.get<double>("lag"),
                       .backlog = row.get<double>("backlog")});
    if (points_.size() > kPoints) points_.pop_front();
  }
  before_ = now;
  asked_ = row.get<Timestamp>("taken_at");
  activity_ = row.get<std::string>("activity");
  fresh_until_ = Clock::now() + kFresh;
}

Json Series::document() const {
  Json document = make_object();
  const auto add = [&](std::string_view name, double Point::* member) {
    Json& list = set(document, name, make_array());
    for (const Point& point : points_) push(list, Json(point.*member));
  };
  add("t", &Point::at);
  add("events", &Point::events);
  add("steps", &Point::steps);
  add("tasks_failed", &Point::tasks_failed);
  add("deliveries", &Point::deliveries);
  add("deliveries_failed", &Point::deliveries_failed);
  add("lag", &Point::lag);
  add("backlog", &Point::backlog);
  return document;
}

}  // namespace sluice::console
