// What may be done from the console, and to what.
#pragma once

#include "console/questions.h"

namespace sluice::console {

// The statement for POST /api/<things>/<id>/<action>; its answer is JSON like a question's. `body` is a JSON object:
// for a replay
// {"since": time, "until": time or null}. Refused with 404 for another action, with 400 for a bad id or body.
[[nodiscard]] std::expected<Question, Refusal> action_for(std::span<const std::string> words, std::string_view body);

}  // namespace sluice::console
