#include <fmt/format.h>

#include "core/flow/graph.h"
#include "core/flow/graph_model.h"

namespace sluice::flow {
namespace {

constexpr int kDeepestCluster = 16;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string_view shape_of(std::string_view type) {
  if (type == "question") return "box, style=\"rounded,filled\", fillcolor=\"#e3f0ff\"";
  if (type == "condition") return "diamond, style=filled, fillcolor=\"#fff3d6\"";
  if (type == "action") return "box, style=filled, fillcolor=\"#e7f6e7\"";
  if (type == "webhook") return "cds, style=filled, fillcolor=\"#f3e8fd\"";
  if (type == "composite") return "box3d, style=filled, fillcolor=\"#eeeeee\"";
  if (type == "script") return "note, style=filled, fillcolor=\"#fde8ea\"";
  return "box, style=\"rounded,filled\", fillcolor=\"#ffffff\"";
}

// `prefix` keeps the nodes of an inline composite apart from those of the flow around it.
void write_graph(std::string& out, const Json& source, const std::string& prefix, int depth) {
  const DrawnGraph graph = drawn_graph(source);
  for (const DrawnNode& node : graph.nodes) {
    const std::string label = node.summary.empty() ? node.id : node.id + "\n" + shortened(node.summary, 40);
    out += fmt::format("  {} [label={}, shape={}{}];\n", quoted(prefix + node.id), quoted(label), shape_of(node.type),
                       node.entry ? ", penwidth=2" : "");
  }
  for (const DrawnEdge& edge : graph.edges) {
    out += fmt::format("  {} -> {}", quoted(prefix + graph.nodes[edge.source].id),
                       quoted(prefix + graph.nodes[edge.target].id));
    if (!edge.label.empty()) out += fmt::format(" [label={}]", quoted(edge.label));
    out += ";\n";
  }
  const Json* nodes = find(source, "nodes");
  if (nodes == nullptr || !nodes->IsArray() || depth >= kDeepestCluster) return;
  for (const Json& node : nodes->GetArray()) {
    const Json* content = find(node, "content");
    if (content == nullptr || string_member(node, "node_type") != "composite" || find(*content, "nodes") == nullptr)
      continue;
    const std::string inner = prefix + std::string(string_member(node, "node_id")) + "/";
    out += fmt::format("  subgraph {} {{\n  label={};\n", quoted("cluster_" + inner),
                       quoted(string_member(node, "node_id")));
    write_graph(out, *content, inner, depth + 1);
    out += "  }\n";
  }
}

}  // namespace

std::string to_dot(const Json& flow) {
  std::string out = fmt::format(
      "digraph {} {{\n  node [fontname=\"sans-serif\", fontsize=11];\n  edge [fontname=\"sans-serif\", fontsize=9];\n",
      quoted(string_member(flow, "name", "flow")));
  write_graph(out, flow, "", 0);
  return out + "}\n";
}

}  // namespace sluice::flow
