// What a doorbell counts.
#pragma once

#include <string>

#include "core/service/metrics.h"

namespace sluice {

struct DoorbellMetrics {
  // `flag` is that of the Doorbell: events, tasks or deliveries.
  DoorbellMetrics(Metrics& metrics, const std::string& flag)
      : notifications(
            metrics.counter("sluice_" + flag + "_notifications_total", "Notifications that woke a sleeping reader.")),
        declared(
            metrics.counter("sluice_" + flag + "_declared_total", "Times a reader declared that it goes to sleep.")),
        found_by_heartbeat(metrics.counter("sluice_" + flag + "_found_by_heartbeat_total",
                                           "Polls of the safety net that found what no notification told of.")) {}

  Counter& notifications;
  Counter& declared;
  Counter& found_by_heartbeat;
};

}  // namespace sluice
