// Handlers written in C++: coroutines of the listener's loop that get the events of a consumer (DESIGN 4).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/task.h"

namespace sluice::listener {

// The texts live as long as the call.
struct HandledEvent {
  std::int64_t id = 0;
  std::string_view type;
  std::string_view session_id;  // empty: of no session
  std::string_view correlation_id;
  std::string_view body;  // JSON
};

// Gets the events that match the consumer's patterns, by id, at least once: what it does is not part of the transaction
// that moves the consumer's cursor. One that throws is tried again with backoff, event by event, and what always fails
// is parked.
using Handler = std::function<Task<void>(const std::string& consumer, const std::vector<HandledEvent>& events)>;

using Handlers = std::map<std::string, Handler, std::less<>>;  // by the kind of consumers that they handle

// Kind `log`: a line in the listener's log for each event.
Task<void> write_lines(const std::string& consumer, const std::vector<HandledEvent>& events);

}  // namespace sluice::listener
