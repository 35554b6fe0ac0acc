// Our own format in all the spellings that FLOW 1 accepts. A canonical document passes through unchanged.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/flow/import/draft.h"
#include "core/flow/import/formats.h"
#include "core/flow/import/sluice_graph.h"
#include "core/flow/import/sluice_rewrite.h"

namespace sluice::flow::importing {
namespace {

constexpr int kDeepestComposite = 16;  // FLOW 9
constexpr std::array<std::string_view, 6> kEntryKeys{"entry_node_id", "entry_node", "entryNodeId",
                                                     "start_node_id", "start_node", "entry"};
constexpr std::array<std::string_view, 2> kNodeKeys{"nodes", "flow_nodes"};
constexpr std::array<std::string_view, 3> kEdgeKeys{"connections", "edges", "flow_connections"};
// Columns of flow_definitions that belong to the stored row and not to the flow.
constexpr std::array<std::string_view, 10> kRowColumns{"id",           "flow_data",    "is_published", "is_active",
                                                       "created_at",   "updated_at",   "published_at", "created_by",
                                                       "published_by", "created_by_id"};

template <std::size_t N>
const Json* first_of(const Json& object, const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys) {
    if (const Json* member = find(object, key)) return member;
  }
  return nullptr;
}

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view key) {
  return std::ranges::find(list, key) != list.end();
}

class SluiceImport {
 public:
  explicit SluiceImport(const Json& document) : document_(document) {}

  Imported run() {
    if (!document_.IsObject()) {
      report_.push_back({"", Severity::kError, "a flow must be a JSON object"});
      Json nothing = make_object();
      return {flow_of(nothing), std::move(report_)};
    }
    const Json source = unwrapped();
    Json flow = flow_of(source);
    return {std::move(flow), std::move(report_)};
  }

 private:
  // The flow itself, whether given alone, inside {"flow": …}, as a row with flow_data, or as the rows of the three
  // tables.
  Json unwrapped() {
    const Json* definition = find(document_, "flow_definitions");
    if (definition == nullptr) definition = find(document_, "flow_definition");
    if (definition != nullptr && definition->IsArray() && !definition->Empty()) {
      if (definition->Size() > 1)
        report_.push_back({"flow_definitions[1]", Severity::kError, "more than one flow: only the first is imported"});
      definition = &(*definition)[0];
    }
    if (definition == nullptr) definition = find(document_, "flow");
    if (definition != nullptr && definition->IsObject()) {
      report_.push_back({"", Severity::kInfo, "the flow is taken out of its wrapping"});
      Json source = from_row(*definition);
      if (const Json* nodes = first_of(document_, kNodeKeys)) set(source, "nodes", clone(*nodes));
      if (const Json* edges = first_of(document_, kEdgeKeys)) set(source, "connections", clone(*edges));
      return source;
    }
    return find(document_, "flow_data") != nullptr ? from_row(document_) : clone(document_);
  }

  static Json from_row(const Json& row) {
    const Json* data = find(row, "flow_data");
    if (data == nullptr || !data->IsObject()) return clone(row);
    Json source = clone(*data);
    for (const auto& member : row.GetObject()) {
      const std::string_view key = text_of(member.name);
      if (!contains(kRowColumns, key) && !member.value.IsNull()) set(source, key, clone(member.value));
    }
    return source;
  }

  Json flow_of(const Json& source) {
    Json flow = make_object();
    named(source, flow);
    set(flow, "entry_node_id", "");
    const bool seconds = string_member(source, "timeout_unit") == "seconds";
    ContentRewriter rewriter(report_, !seconds);
    if (const Json* variables = find(source, "variables"); variables != nullptr && variables->IsObject()) {
      for (const auto& member : variables->GetObject()) rewriter.know(text_of(member.name));
    }
    if (const Json* nodes = first_of(source, kNodeKeys); nodes != nullptr && nodes->IsArray())
      learn(*nodes, rewriter, 0);
    for (const auto& member : source.GetObject()) {
      const std::string_view key = text_of(member.name);
      if (contains(kEntryKeys, key) || contains(kRowColumns, key)) continue;
      // The graph keeps its place among the members, and is filled in below.
      if (contains(kNodeKeys, key)) {
        set(flow, "nodes", Json());
      } else if (contains(kEdgeKeys, key)) {
        set(flow, "connections", Json());
      } else if (find(flow, key) == nullptr) {
        set(flow, key, clone(member.value));
      }
    }
    add_graph(source, flow, "", rewriter, 0);
    if (rewriter.long_timeout_left() && !seconds) {
      set(flow, "timeout_unit", "seconds");
      report_.push_back(
          {"timeout_unit", Severity::kInfo,
           "timeouts of 1000 seconds or more remain: a second import must not take them for milliseconds"});
    }
    return flow;
  }

  void named(const Json& source, Json& flow) {
    std::string_view name = string_member(source, "name", string_member(source, "title"));
    if (name.empty()) {
      report_.push_back({"name", Severity::kWarning, "the flow has no name: it is called 'imported flow'"});
      name = "imported flow";
    }
    set(flow, "name", name);
    const Json* version = find(source, "version");
    if (version != nullptr && version->IsNumber()) {
      set(flow, "version", to_text(*version));
      report_.push_back({"version", Severity::kInfo, "the version is written as text"});
    } else {
      set(flow, "version", string_member(source, "version", "1.0"));
    }
  }

  // Variables may be named in a template before the node that sets them.
  static void learn(const Json& nodes, ContentRewriter& rewriter, int depth) {
    if (depth >= kDeepestComposite) return;
    for (const Json& node : nodes.GetArray()) {
      const Json* content = find(node, "content");
      if (content == nullptr) content = find(node, "data");
      if (content == nullptr) content = &node;
      rewriter.know_those_of(*content);
      if (const Json* inner = find(*content, "nodes"); inner != nullptr && inner->IsArray())
        learn(*inner, rewriter, depth + 1);
    }
  }

  // Entry, nodes and connections of a flow or of an inline composite.
  void add_graph(const Json& source, Json& target, const std::string& prefix, ContentRewriter& rewriter, int depth) {
    Json nodes = make_array();
    Json connections = make_array();
    Json inline_edges = make_array();
    const Json* given = first_of(source, kNodeKeys);
    if (given == nullptr || !given->IsArray()) {
      report_.push_back({prefix + "nodes", Severity::kError, "the flow has no list of nodes"});
    } else {
      for (std::size_t i = 0; i < given->Size(); ++i) {
        const std::string path = at(prefix + "nodes", i);
        Json node = canonical_node((*given)[static_cast<rapidjson::SizeType>(i)], path, inline_edges, report_);
        if (Json* content = find(node, "content")) rewrite_content(*content, node, path + ".content", rewriter, depth);
        push(nodes, std::move(node));
      }
    }
    add_connections(source, prefix, inline_edges, connections);
    set(target, "entry_node_id", entry_of(source, nodes, connections, prefix));
    set(target, "nodes", std::move(nodes));
    set(target, "connections", std::move(connections));
  }

  void add_connections(const Json& source, const std::string& prefix, const Json& inline_edges, Json& connections) {
    const Json* given = first_of(source, kEdgeKeys);
    if (given != nullptr && given->IsArray()) {
      for (std::size_t i = 0; i < given->Size(); ++i) {
        push(connections, canonical_connection((*given)[static_cast<rapidjson::SizeType>(i)],
                                               at(prefix + "connections", i), report_));
      }
    }
    for (const Json& edge : inline_edges.GetArray()) {
      push(connections,
           canonical_connection(edge, prefix + "nodes." + std::string(string_member(edge, "source_node_id")), report_));
    }
  }

  void rewrite_content(Json& content, const Json& node, const std::string& path, ContentRewriter& rewriter, int depth) {
    const bool nested = string_member(node, "node_type") == "composite" && find(content, "nodes") != nullptr;
    if (!nested) {
      rewriter.rewrite(content, path);
      return;
    }
    if (depth + 1 >= kDeepestComposite) {
      report_.push_back(
          {path, Severity::kError, fmt::format("composites are nested deeper than {}", kDeepestComposite)});
      return;
    }
    Json inner = make_object();
    for (auto& member : content.GetObject()) {
      const std::string_view key = text_of(member.name);
      if (!contains(kNodeKeys, key) && !contains(kEdgeKeys, key) && !contains(kEntryKeys, key))
        set(inner, key, clone(member.value));
    }
    rewriter.rewrite(inner, path);
    add_graph(content, inner, path + ".", rewriter, depth + 1);
    content = std::move(inner);
  }

  std::string entry_of(const Json& source, const Json& nodes, const Json& connections, const std::string& prefix) {
    for (const std::string_view key : kEntryKeys) {
      const Json* entry = find(source, key);
      if (entry == nullptr || !(entry->IsString() || entry->IsInt64())) continue;
      const std::string id = entry->IsString() ? std::string(text_of(*entry)) : to_text(*entry);
      if (id.empty()) continue;
      if (key != kEntryKeys.front())
        report_.push_back({prefix + std::string(key), Severity::kInfo, "written as entry_node_id"});
      return id;
    }
    const std::string guess = only_root(nodes, connections);
    report_.push_back(
        {prefix + "entry_node_id", Severity::kWarning,
         guess.empty()
             ? "the flow names no entry node"
             : fmt::format("the flow names no entry node: it starts at '{}', the first node that nothing leads to",
                           guess)});
    return guess;
  }

  static std::string only_root(const Json& nodes, const Json& connections) {
    std::set<std::string_view> targets;
    for (const Json& connection : connections.GetArray()) targets.insert(string_member(connection, "target_node_id"));
    for (const Json& node : nodes.GetArray()) {
      const std::string_view id = string_member(node, "node_id");
      if (!id.empty() && !targets.contains(id)) return std::string(id);
    }
    return nodes.Empty() ? std::string() : std::string(string_member(nodes[0], "node_id"));
  }

  const Json& document_;
  std::vector<Note> report_;
};

}  // namespace

Imported import_sluice(const Json& document) {
  return SluiceImport(document).run();
}

}  // namespace sluice::flow::importing
