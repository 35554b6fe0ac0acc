// What the process itself uses, as metrics.
#pragma once

#include "core/service/metrics.h"

namespace sluice {

// sluice_process_resident_bytes, _cpu_seconds_total, _open_descriptors and sluice_build_info, read from /proc at each
// collection.
void add_process_metrics(Metrics& metrics);

}  // namespace sluice
