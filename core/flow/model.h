// A flow as the engine runs it: nodes by id, edges in the order they are tried. Immutable once made.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

enum class NodeType { kMessage, kQuestion, kCondition, kAction, kWebhook, kComposite, kScript };

struct Edge {
  std::string target;
  std::string label;   // default, success, failure, timeout, $N
  Json conditions;     // null: unconditional
  std::string cel;     // the edge's CEL condition, empty: none
};

struct Node {
  std::string id;
  NodeType type;
  Json content;
  std::vector<Edge> edges;  // by label in the order FLOW 1 gives
};

// One frozen version in format 'sluice' (FLOW 11).
class Flow {
 public:
  // Throws Error naming the node and the fix when the document is no flow. Accepts canonical documents only: importers come before.
  static std::shared_ptr<const Flow> from_json(const Json& document);

  std::string name;
  std::string entry;
  Json settings = make_object();
  Json variables = make_object();
  Json conditions = make_object();
  std::unordered_map<std::string, Node> nodes;

  [[nodiscard]] const Node* node(std::string_view id) const;
};

// A flow with every sub-flow that it can reach, each pinned to the version that was current when it was published.
struct FlowSet {
  std::shared_ptr<const Flow> main;
  std::map<std::string, std::shared_ptr<const Flow>, std::less<>> subflows;  // by the name or id that composites use
};

}  // namespace sluice::flow
