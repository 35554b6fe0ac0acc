// What a worker counts.
#pragma once

#include <string>

#include "core/service/metrics.h"

namespace sluice::workers {

class WorkerMetrics {
 public:
  explicit WorkerMetrics(Metrics& metrics)
      : in_flight(metrics.gauge("sluice_tasks_in_flight", "Tasks that this worker has claimed and not yet ended.")),
        claimed(metrics.counter("sluice_tasks_claimed_total", "Tasks claimed.")),
        batch(metrics.histogram("sluice_commit_batch_tasks", "Tasks committed in one round trip.",
                                {1, 2, 4, 8, 16, 32, 64, 128})),
        metrics_(metrics) {}

  // How a task ended (applied, failed, discarded, retried, lost …) and how long after its claim.
  void ended(const std::string& kind, std::string_view outcome, double seconds) {
    metrics_
        .counter("sluice_tasks_ended_total", "Tasks by kind and how they ended.",
                 {{"kind", kind}, {"outcome", std::string(outcome)}})
        .add();
    metrics_
        .histogram("sluice_task_duration_seconds", "From claim to committed outcome, by kind and how it ended.",
                   duration_bounds(), {{"kind", kind}, {"outcome", std::string(outcome)}})
        .observe(seconds);
  }

  Gauge& in_flight;
  Counter& claimed;
  Histogram& batch;

 private:
  Metrics& metrics_;
};

}  // namespace sluice::workers
