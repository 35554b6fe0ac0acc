#include "core/base/log.h"
#include "listener/handlers.h"

namespace sluice::listener {

Task<void> write_lines(const std::string& consumer, const std::vector<HandledEvent>& events) {
  for (const HandledEvent& event : events) {
    log_info("event", {{"consumer", consumer},
                       {"event", event.id},
                       {"type", event.type},
                       {"session", event.session_id},
                       {"correlation_id", event.correlation_id},
                       {"body", event.body}});
  }
  co_return;
}

}  // namespace sluice::listener
