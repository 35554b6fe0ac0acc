// A flow as the engine runs it: nodes by id, edges in the order they are tried, expressions compiled. Immutable once
// made.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/json.h"
#include "core/flow/cel/cel.h"
#include "core/flow/condition.h"

namespace re2 {
class RE2;
}

namespace sluice::flow {

using sluice::to_text;  // of JSON values, beside the overloads for this folder's types

enum class NodeType { kMessage, kQuestion, kCondition, kAction, kWebhook, kComposite, kScript };
[[nodiscard]] std::string_view to_text(NodeType type);
[[nodiscard]] std::optional<NodeType> node_type_from(std::string_view text);

struct Edge {
  std::string target;
  std::string label;  // default, success, failure, timeout, $N
  Json conditions{};  // as written; null: none
  std::string cel{};  // the edge's CEL condition as written, empty: none
  int priority = 0;
  std::vector<Condition> when{};  // of both, all must hold; empty: unconditional
};

// An entry of a condition node.
struct Branch {
  Condition when;
  std::string then;       // edge label or node id
  std::string otherwise;  // taken when the entry is false; empty: go on
};

// One action of an action node with its compiled expression, if it has one.
struct Action {
  std::string type;
  Json params;                          // flat: members of "params" and "config" raised
  std::optional<cel::Program> program;  // of calculate and aggregate
  std::string problem;                  // the expression does not compile
};

struct Graph;

struct Node {
  std::string id;
  NodeType type;
  Json content{};
  std::vector<Edge> edges{};  // by label in the order FLOW 1 gives
  std::vector<Branch> branches{};
  std::vector<Action> actions{};
  std::size_t api_calls = 0;                  // how many of them call out
  std::shared_ptr<const re2::RE2> pattern{};  // of a question's validation, nullptr: none
  std::shared_ptr<const Graph> inner{};       // of an inline composite
};

struct Graph {
  std::string entry;
  std::unordered_map<std::string, Node> nodes;

  [[nodiscard]] const Node* node(std::string_view id) const;
};

// One frozen version in format 'sluice' (FLOW 11).
class Flow : public Graph {
 public:
  // Throws Error naming the node and the fix when the document is no flow: unknown types, a missing entry, an edge or
  // branch to nowhere, an inline composite nested too deep. Accepts canonical documents only: importers come before.
  // Expressions that do not compile are no error here; they are false when evaluated and validation reports them.
  static std::shared_ptr<const Flow> from_json(const Json& document);

  Flow() = default;
  Flow(const Flow&) = delete;  // compiled conditions point to `named`
  Flow& operator=(const Flow&) = delete;

  std::string name;
  Json settings = make_object();
  Json variables = make_object();
  Json conditions = make_object();
  Condition::Names named;               // `conditions`, compiled
  std::set<std::string> content_ids;    // cms_content rows that its nodes may show; some may be templates
  std::vector<std::string> references;  // other flows that its composites call
  bool reads_history = false;           // whether anything in it looks at session.history

  // settings.session_timeout, 24 h by default; zero: never.
  [[nodiscard]] std::chrono::seconds session_timeout() const;
  // A whole number of settings, or `fallback` when it is absent or no whole number.
  [[nodiscard]] std::int64_t setting(std::string_view key, std::int64_t fallback) const;
};

// A flow with every sub-flow that it can reach, each pinned to the version that was current when its caller was
// published: two flows of one set may call the same flow in two versions.
struct FlowSet {
  using ByReference = std::map<std::string, std::shared_ptr<const Flow>, std::less<>>;

  std::shared_ptr<const Flow> main;
  ByReference subflows;                                  // by the name or id that composites use, whoever calls
  std::map<const Flow*, ByReference, std::less<>> pins;  // by the flow that calls; these come first

  // What `caller`, a flow of this set, means by the reference; nullptr when it is not loaded.
  [[nodiscard]] const Flow* called(const Flow& caller, std::string_view reference) const;
};

}  // namespace sluice::flow
