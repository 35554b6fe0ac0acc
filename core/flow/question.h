// Questions (FLOW 6): what an input means as an answer, whether it passes, and which edges it asks for.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/json.h"
#include "core/flow/model.h"

namespace sluice::flow {

struct Accepted {
  Json value;                       // what the variable stores: raw text, a number, a whole option or a list of options
  std::vector<std::string> labels;  // edges in the order to try, before default
};
struct Rejected {
  std::string message;  // for the user
};

// `content` is the node's content in the session's language.
[[nodiscard]] std::variant<Accepted, Rejected> judge(const Node& node, const Json& content, const Json& state,
                                                     const Json& input);

// The question's options, rendered; [] when it has none.
[[nodiscard]] Json rendered_options(const Json& content, const Json& state);

[[nodiscard]] std::string_view input_type(const Json& content);

// What the user typed or chose as text, from any form of input; empty when it is no text.
[[nodiscard]] std::string input_text(const Json& input);

// The input without its envelope: of {"value"}, {"text"} or {"payload"} the member, else itself.
[[nodiscard]] Json input_value(const Json& input);

[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace sluice::flow
