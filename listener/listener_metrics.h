// What a listener counts.
#pragma once

#include <string>

#include "core/service/metrics.h"

namespace sluice::listener {

class ListenerMetrics {
 public:
  explicit ListenerMetrics(Metrics& metrics)
      : polls(metrics.counter("sluice_events_polls_total", "Looks for new events.")),
        handled_(metrics.counters("sluice_events_handled_total", "Events brought to a consumer.", {"consumer"})),
        batch_(metrics.histograms("sluice_events_batch_events", "Events in one batch.",
                                  {1, 2, 5, 10, 50, 100, 500, 1000, 5000}, {"consumer"})),
        failed_(metrics.counters("sluice_events_failures_total", "Batches that failed.", {"consumer"})),
        parked_(metrics.counters("sluice_events_parked_total", "Events set aside after their attempts.", {"consumer"})),
        lag_rows_(metrics.gauges("sluice_events_lag_rows", "Events a consumer has not handled, counted up to 100,000.",
                                 {"consumer"})),
        lag_seconds_(metrics.gauges("sluice_events_lag_seconds", "Age of the oldest event a consumer has not handled.",
                                    {"consumer"})),
        trimming_held_(metrics.gauges("sluice_events_trimming_held",
                                      "1 while the log cannot be trimmed because this consumer has not read it.",
                                      {"consumer"})) {}

  void handled(const std::string& consumer, std::int64_t events) {
    if (events == 0) return;
    handled_.with({consumer}).add(static_cast<double>(events));
    batch_.with({consumer}).observe(static_cast<double>(events));
  }
  void failed(const std::string& consumer) { failed_.with({consumer}).add(); }
  void parked(const std::string& consumer) { parked_.with({consumer}).add(); }
  // Who keeps the log from being trimmed though it is time; "" when nobody does.
  void trimming_held_by(const std::string& consumer) {
    if (held_by_ == consumer) return;
    if (!held_by_.empty()) trimming_held_.with({held_by_}).set(0);
    if (!consumer.empty()) trimming_held_.with({consumer}).set(1);
    held_by_ = consumer;
  }
  void lag(const std::string& consumer, double events, double seconds) {
    lag_rows_.with({consumer}).set(events);
    lag_seconds_.with({consumer}).set(seconds);
  }

  Counter& polls;

 private:
  Labelled<Counter> handled_;
  Labelled<Histogram> batch_;
  Labelled<Counter> failed_;
  Labelled<Counter> parked_;
  Labelled<Gauge> lag_rows_;
  Labelled<Gauge> lag_seconds_;
  Labelled<Gauge> trimming_held_;
  std::string held_by_;
};

}  // namespace sluice::listener
