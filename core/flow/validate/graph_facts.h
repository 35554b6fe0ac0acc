// Nodes and ways of one graph, a flow's own or an inline composite's.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

class GraphFacts {
 public:
  // `graph` has nodes, connections and entry_node_id; `roots` are nodes that can be reached otherwise, such as a
  // fallback.
  GraphFacts(const Json& graph, const std::vector<std::string_view>& roots);

  [[nodiscard]] bool has(std::string_view id) const { return index_.contains(id); }
  [[nodiscard]] bool has_entry() const { return has_entry_; }  // that exists
  [[nodiscard]] bool reachable(std::string_view id) const;
  [[nodiscard]] int copies(std::string_view id) const;
  [[nodiscard]] const std::vector<std::string_view>& labels(std::string_view id) const;

  // Each set of nodes that lead to each other without waiting: messages, conditions and inline composites of nothing
  // else.
  [[nodiscard]] std::vector<std::vector<std::string_view>> hasty_cycles() const;

 private:
  void add_way(std::string_view source, std::string_view target);
  void reach(const Json& graph, const std::vector<std::string_view>& roots);

  bool has_entry_ = false;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<std::string_view> ids_;
  std::vector<bool> hasty_;
  std::vector<int> copies_;
  std::vector<bool> reachable_;
  std::vector<std::vector<std::size_t>> ways_;
  std::vector<std::vector<std::string_view>> labels_;
};

// default, success, failure, timeout or $N.
[[nodiscard]] bool is_edge_label(std::string_view label);

}  // namespace sluice::flow
