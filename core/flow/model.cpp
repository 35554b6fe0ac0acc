#include "core/flow/model.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "core/base/errors.h"
#include "core/flow/action.h"
#include "core/flow/session.h"

namespace sluice::flow {
namespace {

constexpr std::array<std::pair<std::string_view, NodeType>, 7> kNodeTypes{{
    {"message", NodeType::kMessage},
    {"question", NodeType::kQuestion},
    {"condition", NodeType::kCondition},
    {"action", NodeType::kAction},
    {"webhook", NodeType::kWebhook},
    {"composite", NodeType::kComposite},
    {"script", NodeType::kScript},
}};

class Reader {
 public:
  explicit Reader(Flow& flow) : flow_(flow) {}

  void read_graph(const Json& document, Graph& graph, const std::string& where, int depth) {
    if (depth > kMaxDepth) {
      throw Error(fmt::format("{}: composites are nested deeper than {} levels", where, kMaxDepth),
                  "call another flow instead");
    }
    const Json* nodes = find(document, "nodes");
    if (nodes == nullptr || !nodes->IsArray() || nodes->Empty()) {
      throw Error(fmt::format("{} has no nodes", where), "\"nodes\" must be a list with at least one node");
    }
    for (const auto& entry : nodes->GetArray()) read_node(entry, graph, where, depth);
    read_entry(document, graph, where);
    if (const Json* edges = find(document, "connections"); edges != nullptr && edges->IsArray()) {
      for (const auto& edge : edges->GetArray()) read_edge(edge, graph, where);
    }
    for (auto& [id, node] : graph.nodes) {
      std::stable_sort(node.edges.begin(), node.edges.end(), [](const Edge& left, const Edge& right) {
        if (left.when.empty() != right.when.empty()) return right.when.empty();
        return left.priority < right.priority;
      });
    }
  }

 private:
  void read_node(const Json& entry, Graph& graph, const std::string& where, int depth) {
    const std::string id(string_member(entry, "node_id"));
    if (id.empty()) throw Error(fmt::format("{}: a node has no node_id", where), "give every node a unique node_id");
    const auto type_name = string_member(entry, "node_type");
    const auto type = node_type_from(type_name);
    if (!type) {
      throw Error(fmt::format("node {} has the unknown type \"{}\"", id, type_name),
                  "types are message, question, condition, action, webhook, composite and script");
    }
    Node node{.id = id, .type = *type};
    const Json* content = find(entry, "content");
    node.content = content != nullptr && content->IsObject() ? clone(*content) : make_object();
    compile_content(node, depth);
    note_content_ids(node.content);
    if (!graph.nodes.emplace(id, std::move(node)).second) {
      throw Error(fmt::format("node {} stands twice in {}", id, where), "give every node a unique node_id");
    }
  }

  void read_entry(const Json& document, Graph& graph, const std::string& where) {
    graph.entry = string_member(document, "entry_node_id");
    if (graph.node(graph.entry) == nullptr) {
      throw Error(fmt::format("{} has the entry node \"{}\", which does not exist", where, graph.entry),
                  "entry_node_id must name one of its nodes");
    }
  }

  void read_edge(const Json& entry, Graph& graph, const std::string& where) {
    const std::string source(string_member(entry, "source_node_id"));
    Edge edge{.target = std::string(string_member(entry, "target_node_id")), .label = label(entry)};
    const auto from = graph.nodes.find(source);
    if (from == graph.nodes.end() || graph.node(edge.target) == nullptr) {
      throw Error(fmt::format("{}: the {} connection from \"{}\" to \"{}\" leads to or from a node that does not exist",
                              where, edge.label, source, edge.target),
                  "connections must join nodes of the same graph");
    }
    const Json* info = find(entry, "info");
    if (info != nullptr) {
      if (const Json* priority = find(*info, "priority"); priority != nullptr && priority->IsInt())
        edge.priority = priority->GetInt();
      edge.cel = string_member(*info, "condition");
    }
    edge.cel = string_member(entry, "condition", edge.cel);
    if (!edge.cel.empty()) edge.when.push_back(Condition::compile(make_string(edge.cel), &flow_.named));
    const Json* conditions = find(entry, "conditions");
    const bool none = conditions == nullptr || conditions->IsNull() ||
                      (conditions->IsObject() && conditions->ObjectEmpty()) ||
                      (conditions->IsArray() && conditions->Empty()) ||
                      (conditions->IsString() && conditions->GetStringLength() == 0);
    if (!none) {
      edge.conditions = clone(*conditions);
      edge.when.push_back(Condition::compile(*conditions, &flow_.named));
    }
    from->second.edges.push_back(std::move(edge));
  }

  // Lower case, with the aliases of FLOW 1.
  static std::string label(const Json& edge) {
    std::string name(string_member(edge, "connection_type", "default"));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "error") return "failure";
    if (name == "complete" || name == "conditional" || name.empty()) return "default";
    return name;
  }

  void compile_content(Node& node, int depth) {
    switch (node.type) {
      case NodeType::kCondition:
        compile_branches(node);
        break;
      case NodeType::kAction:
        node.actions = compile_actions(node.content);
        node.api_calls = static_cast<std::size_t>(std::count_if(
            node.actions.begin(), node.actions.end(), [](const Action& action) { return action.type == "api_call"; }));
        break;
      case NodeType::kQuestion:
        compile_pattern(node);
        break;
      case NodeType::kComposite:
        if (const Json* nodes = find(node.content, "nodes"); nodes != nullptr && nodes->IsArray()) {
          auto inner = std::make_shared<Graph>();
          read_graph(node.content, *inner, "composite " + node.id, depth + 1);
          node.inner = std::move(inner);
        } else {
          flow_.references.emplace_back(flow_reference(node.content));
        }
        break;
      default:
        break;
    }
  }

  void compile_branches(Node& node) {
    const Json* entries = find(node.content, "conditions");
    if (entries == nullptr || !entries->IsArray()) return;
    for (const auto& entry : entries->GetArray()) {
      const Json* when = find(entry, "if");
      node.branches.push_back({.when = when != nullptr ? Condition::compile(*when, &flow_.named) : Condition(),
                               .then = std::string(string_member(entry, "then")),
                               .otherwise = std::string(string_member(entry, "else"))});
    }
  }

  static void compile_pattern(Node& node) {
    const Json* validation = find(node.content, "validation");
    const auto pattern = validation != nullptr ? string_member(*validation, "pattern") : std::string_view{};
    if (pattern.empty()) return;
    auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), re2::RE2::Quiet);
    if (!compiled->ok()) {
      throw Error(
          fmt::format("node {}: the pattern \"{}\" is no regular expression: {}", node.id, pattern, compiled->error()),
          "patterns are in RE2 syntax");
    }
    node.pattern = std::move(compiled);
  }

  void note_content_ids(const Json& value) {
    if (value.IsArray()) {
      for (const auto& item : value.GetArray()) note_content_ids(item);
    } else if (value.IsObject()) {
      for (const auto& member : value.GetObject()) {
        if (text_of(member.name) == "content_id" && member.value.IsString())
          flow_.content_ids.emplace(text_of(member.value));
        note_content_ids(member.value);
      }
    }
  }

  Flow& flow_;
};

void take_object(const Json& document, std::string_view key, Json& into) {
  if (const Json* value = find(document, key); value != nullptr && value->IsObject()) into = clone(*value);
}

}  // namespace

const Flow* FlowSet::called(const Flow& caller, std::string_view reference) const {
  if (const auto own = pins.find(&caller); own != pins.end()) {
    if (const auto pinned = own->second.find(reference); pinned != own->second.end()) return pinned->second.get();
  }
  const auto shared = subflows.find(reference);
  return shared != subflows.end() ? shared->second.get() : nullptr;
}

std::string_view to_text(NodeType type) {
  return kNodeTypes[static_cast<std::size_t>(type)].first;
}

std::optional<NodeType> node_type_from(std::string_view text) {
  for (const auto& [name, type] : kNodeTypes) {
    if (name == text) return type;
  }
  return std::nullopt;
}

const Node* Graph::node(std::string_view id) const {
  const auto found = nodes.find(std::string(id));
  return found == nodes.end() ? nullptr : &found->second;
}

std::shared_ptr<const Flow> Flow::from_json(const Json& document) {
  auto flow = std::make_shared<Flow>();
  flow->name = string_member(document, "name");
  take_object(document, "settings", flow->settings);
  take_object(document, "variables", flow->variables);
  take_object(document, "conditions", flow->conditions);
  for (const auto& entry : flow->conditions.GetObject()) {
    flow->named.insert_or_assign(std::string(text_of(entry.name)), Condition::compile(entry.value, &flow->named));
  }
  Reader(*flow).read_graph(document, *flow, flow->name.empty() ? "the flow" : "flow " + flow->name, 0);
  flow->reads_history = to_text(document).find("session.history") != std::string::npos;
  return flow;
}

std::chrono::seconds Flow::session_timeout() const {
  return std::chrono::seconds(setting("session_timeout", 86'400));
}

std::int64_t Flow::setting(std::string_view key, std::int64_t fallback) const {
  const Json* value = find(settings, key);
  return value != nullptr && value->IsInt64() ? value->GetInt64() : fallback;
}

}  // namespace sluice::flow
