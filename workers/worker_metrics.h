// What a worker counts.
#pragma once

#include <string>

#include "core/service/metrics.h"

namespace sluice::workers {

class WorkerMetrics {
 public:
  explicit WorkerMetrics(Metrics& metrics)
      : in_flight(metrics.gauge("sluice_tasks_in_flight", "Tasks that this worker has claimed and not yet ended.")),
        claimed(
            metrics.counter("sluice_tasks_claimed_total", "Tasks claimed, or taken from a backlog without a claim.")),
        batch(metrics.histogram("sluice_commit_batch_tasks", "Tasks committed in one round trip.",
                                {1, 2, 4, 8, 16, 32, 64, 128})),
        scouting(metrics.gauge("sluice_tasks_scouting", "1 while this worker looks out for new tasks.")),
        calls(metrics.counter("sluice_tasks_calls_total",
                              "Times this worker called the others because of a full claim.")),
        ended_(metrics.counters("sluice_tasks_ended_total", "Tasks by kind and how they ended.", {"kind", "outcome"})),
        duration_(metrics.histograms("sluice_task_duration_seconds",
                                     "From claim to committed outcome, by kind and how it ended.", duration_bounds(),
                                     {"kind", "outcome"})) {}

  // How a task ended (applied, failed, discarded, retried, lost …) and how long after its claim.
  void ended(const std::string& kind, std::string_view outcome, double seconds) {
    const std::vector<std::string> labels{kind, std::string(outcome)};
    ended_.with(labels).add();
    duration_.with(labels).observe(seconds);
  }

  Gauge& in_flight;
  Counter& claimed;
  Histogram& batch;
  Gauge& scouting;
  Counter& calls;

 private:
  Labelled<Counter> ended_;
  Labelled<Histogram> duration_;
};

}  // namespace sluice::workers
