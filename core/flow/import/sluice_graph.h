// Nodes and edges of our own format in the spellings that FLOW 1 accepts, made canonical.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/report.h"

namespace sluice::flow::importing {

// A node's identifier under node_id, id, node_key or data.id; empty when it has none.
[[nodiscard]] std::string node_id_of(const Json& node);

// {node_id, node_type, template, content, position, info}; its inline connections are appended to `connections`.
[[nodiscard]] Json canonical_node(const Json& node, const std::string& path, Json& connections,
                                  std::vector<Note>& report);

// {source_node_id, target_node_id, connection_type, condition, conditions, info}.
[[nodiscard]] Json canonical_connection(const Json& edge, const std::string& path, std::vector<Note>& report);

// default, success, failure, timeout or $N from any of their spellings, or empty.
[[nodiscard]] std::string label_from(std::string_view text);

[[nodiscard]] bool known_node_type(std::string_view type);

}  // namespace sluice::flow::importing
