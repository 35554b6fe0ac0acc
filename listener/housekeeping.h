// What a listener does now and then for everyone: partitions made ahead and dropped, the log trimmed, lag measured.
#pragma once

#include "core/pg/pool.h"
#include "listener/listener_metrics.h"

namespace sluice::listener {

// Until `stop`. Failures are logged and tried again at the next turn: nothing here is urgent. Several listeners may do
// it at once.
Task<void> keep_house(Loop& loop, pg::Pool& pool, ListenerMetrics& metrics, StopToken stop);

}  // namespace sluice::listener
