// The JSON Schemas of nodes' contents (core/flow/schema), one a node type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

struct SchemaProblem {
  std::string path;  // below the content: actions[0].type; empty: the content itself
  std::string message;
};

// What the schema of that node type finds in the content; nothing for unknown types.
[[nodiscard]] std::vector<SchemaProblem> check_schema(std::string_view node_type, const Json& content);

}  // namespace sluice::flow
