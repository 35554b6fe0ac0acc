// A flow as it is drawn: boxes and arrows with the texts on them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

struct DrawnNode {
  std::string id;
  std::string type;
  std::string summary;  // a line of what it says or does
  bool entry = false;
};

struct DrawnEdge {
  std::size_t source;
  std::size_t target;
  std::string label;  // what a person calls this way: the option's text, the condition, or the edge's label
};

struct DrawnGraph {
  std::string name;
  std::vector<DrawnNode> nodes;
  std::vector<DrawnEdge> edges;  // between nodes that exist; several between the same two are one with joined labels
};

[[nodiscard]] DrawnGraph drawn_graph(const Json& graph);

// At most `length` code points, the last of them an ellipsis when something was cut; line breaks and controls become
// blanks.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t length);

}  // namespace sluice::flow
