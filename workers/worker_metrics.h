// What a worker counts.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

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
    const Ending& ending = ending_of(kind, outcome);
    ending.count.add();
    ending.duration.observe(seconds);
  }

  Gauge& in_flight;
  Counter& claimed;
  Histogram& batch;
  Gauge& scouting;
  Counter& calls;

 private:
  struct Ending {
    std::string kind, outcome;
    Counter& count;
    Histogram& duration;
  };

  // A handful of them: to go through them is quicker than to look labels up, twice for each task.
  const Ending& ending_of(const std::string& kind, std::string_view outcome) {
    for (const Ending& ending : endings_) {
      if (ending.outcome == outcome && ending.kind == kind) return ending;
    }
    const std::vector<std::string> labels{kind, std::string(outcome)};
    return endings_.emplace_back(kind, labels[1], ended_.with(labels), duration_.with(labels));
  }

  Labelled<Counter> ended_;
  Labelled<Histogram> duration_;
  std::deque<Ending> endings_;
};

}  // namespace sluice::workers
