// What a notifier counts.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "core/service/metrics.h"

namespace sluice::notifier {

class NotifierMetrics {
 public:
  explicit NotifierMetrics(Metrics& metrics)
      : in_flight(metrics.gauge("sluice_deliveries_in_flight", "Deliveries claimed whose outcome is not written yet.")),
        claimed(metrics.counter("sluice_deliveries_claimed_total", "Deliveries claimed.")),
        batch(metrics.histogram("sluice_deliveries_batch_rows", "Outcomes written in one round trip.",
                                {1, 2, 4, 8, 16, 32, 64, 128})),
        wait(metrics.histogram("sluice_delivery_wait_seconds", "From a first attempt's due time to its claim.",
                               duration_bounds())),
        lanes(metrics.gauge("sluice_lanes_owned", "Endpoints that this notifier sends to.")),
        paused(metrics.gauge("sluice_lanes_paused", "Lanes that are paused: Retry-After, overload, an open breaker.")),
        open(metrics.gauge("sluice_lanes_open_breakers", "Lanes whose breaker is not closed.")),
        attempts_(metrics.counters("sluice_delivery_attempts_total", "Attempts by outcome and class of error.",
                                   {"outcome", "error"})),
        duration_(metrics.histograms("sluice_delivery_duration_seconds", "Duration of a request.", duration_bounds(),
                                     {"outcome"})) {}

  // An attempt that ended: delivered, retry, dead, deferred, interrupted, or lost to another notifier; with the class
  // of its error.
  void ended(std::string_view outcome, const std::string& error_class, double seconds) {
    Series& series = series_[{std::string(outcome), error_class}];
    if (series.attempts == nullptr) {
      const std::string name(outcome);
      series.attempts = &attempts_.with({name, error_class.empty() ? "none" : error_class});
      series.duration = &duration_.with({name});
    }
    series.attempts->add();
    series.duration->observe(seconds);
  }

  Gauge& in_flight;
  Counter& claimed;
  Histogram& batch;
  Histogram& wait;
  Gauge& lanes;
  Gauge& paused;
  Gauge& open;

 private:
  struct Series {  // looked up once: finding a labelled metric costs more than counting
    Counter* attempts = nullptr;
    Histogram* duration = nullptr;
  };
  Labelled<Counter> attempts_;
  Labelled<Histogram> duration_;
  std::map<std::pair<std::string, std::string>, Series> series_;  // by outcome and class
};

}  // namespace sluice::notifier
