// Landbot's nodes: what kinds there are and what stands in them.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

// A node that waits for an answer.
struct Picker {
  std::string_view function;
  std::string_view input_type;
};
[[nodiscard]] const Picker* picker_of(const Json& node);

// Stores the answer before it once more, under another name, without asking.
[[nodiscard]] bool is_virtual(const Json& node);
[[nodiscard]] bool is_message(const Json& node);

// The object of nodes by number, wherever the export keeps it; nullptr when there is none.
[[nodiscard]] const Json* nodes_of(const Json& document);

// The node that a way of this name leads to; empty when it leads nowhere.
[[nodiscard]] std::string way(const Json& node, std::string_view name);

// The name that the node stores its answer under.
[[nodiscard]] std::string field_of(const Json& node);

[[nodiscard]] Json landbot_position(const Json& node);

// The text with @name as {{variables.name}} for those that some node stores. Markup of the page is left out and
// reported.
using Fields = std::set<std::string>;
[[nodiscard]] std::string text_of_landbot(std::string_view given, const Fields& fields, Draft& draft,
                                          const std::string& id);

}  // namespace sluice::flow::importing
