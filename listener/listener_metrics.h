// What a listener counts.
#pragma once

#include <string>

#include "core/service/metrics.h"

namespace sluice::listener {

class ListenerMetrics {
 public:
  explicit ListenerMetrics(Metrics& metrics)
      : polls(metrics.counter("sluice_events_polls_total", "Looks for new events.")), metrics_(metrics) {}

  void handled(const std::string& consumer, std::int64_t events) {
    if (events == 0) return;
    metrics_.counter("sluice_events_handled_total", "Events brought to a consumer.", {{"consumer", consumer}})
        .add(static_cast<double>(events));
    metrics_
        .histogram("sluice_events_batch_events", "Events in one batch.", {1, 2, 5, 10, 50, 100, 500, 1000, 5000},
                   {{"consumer", consumer}})
        .observe(static_cast<double>(events));
  }
  void failed(const std::string& consumer) {
    metrics_.counter("sluice_events_failures_total", "Batches that failed.", {{"consumer", consumer}}).add();
  }
  void parked(const std::string& consumer) {
    metrics_.counter("sluice_events_parked_total", "Events set aside after their attempts.", {{"consumer", consumer}})
        .add();
  }
  // Who keeps the log from being trimmed though it is time; "" when nobody does.
  void trimming_held_by(const std::string& consumer) {
    if (held_by_ == consumer) return;
    if (!held_by_.empty()) held(held_by_).set(0);
    if (!consumer.empty()) held(consumer).set(1);
    held_by_ = consumer;
  }
  void lag(const std::string& consumer, double events, double seconds) {
    metrics_
        .gauge("sluice_events_lag_rows", "Events a consumer has not handled, counted up to 100,000.",
               {{"consumer", consumer}})
        .set(events);
    metrics_
        .gauge("sluice_events_lag_seconds", "Age of the oldest event a consumer has not handled.",
               {{"consumer", consumer}})
        .set(seconds);
  }

  Counter& polls;

 private:
  Gauge& held(const std::string& consumer) {
    return metrics_.gauge("sluice_events_trimming_held",
                          "1 while the log cannot be trimmed because this consumer has not read it.",
                          {{"consumer", consumer}});
  }

  Metrics& metrics_;
  std::string held_by_;
};

}  // namespace sluice::listener
