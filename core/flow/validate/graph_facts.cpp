#include "core/flow/validate/graph_facts.h"

#include <algorithm>
#include <array>
#include <limits>

namespace sluice::flow {
namespace {

const Json& list_of(const Json& object, std::string_view key) {
  static const Json kNothing = make_array();
  const Json* list = find(object, key);
  return list != nullptr && list->IsArray() ? *list : kNothing;
}

// Whether a step runs through the node without waiting: a message, a condition, an inline composite of nothing else.
bool is_hasty(const Json& node, int depth) {
  constexpr int kDeepestComposite = 16;  // FLOW 9
  const std::string_view type = string_member(node, "node_type");
  if (type == "message" || type == "condition") return true;
  const Json* content = find(node, "content");
  const Json* inner = content != nullptr ? find(*content, "nodes") : nullptr;
  if (type != "composite" || inner == nullptr || !inner->IsArray() || depth >= kDeepestComposite) return false;
  return std::all_of(inner->Begin(), inner->End(), [depth](const Json& one) { return is_hasty(one, depth + 1); });
}

// Nodes that a condition names directly, beside the labels of its edges.
template <typename Visit>
void for_each_named_target(const Json& content, const Visit& visit) {
  const auto visit_member = [&](const Json& object, std::string_view key) {
    const std::string_view target = string_member(object, key);
    if (!target.empty()) visit(target);
  };
  for (const Json& entry : list_of(content, "conditions").GetArray()) {
    visit_member(entry, "then");
    visit_member(entry, "else");
  }
  visit_member(content, "else");
  visit_member(content, "default_path");
}

// Tarjan's strongly connected components, with a stack of its own.
class Components {
 public:
  Components(const std::vector<std::vector<std::size_t>>& ways, const std::vector<bool>& members)
      : ways_(ways), members_(members), order_(ways.size(), kUnseen), low_(ways.size(), 0), open_(ways.size(), false) {}

  std::vector<std::vector<std::size_t>> find_cycles() {
    for (std::size_t node = 0; node < ways_.size(); ++node) {
      if (members_[node] && order_[node] == kUnseen) visit(node);
    }
    return std::move(cycles_);
  }

 private:
  static constexpr std::size_t kUnseen = std::numeric_limits<std::size_t>::max();
  struct Frame {
    std::size_t node;
    std::size_t way = 0;
  };

  void enter(std::size_t node) {
    order_[node] = low_[node] = next_++;
    open_[node] = true;
    path_.push_back(node);
    frames_.push_back({node});
  }

  void visit(std::size_t root) {
    enter(root);
    while (!frames_.empty()) {
      const std::size_t node = frames_.back().node;
      if (frames_.back().way < ways_[node].size()) {
        const std::size_t target = ways_[node][frames_.back().way++];
        if (!members_[target]) continue;
        if (order_[target] == kUnseen) {
          enter(target);
        } else if (open_[target]) {
          low_[node] = std::min(low_[node], order_[target]);
        }
        continue;
      }
      frames_.pop_back();
      if (!frames_.empty()) low_[frames_.back().node] = std::min(low_[frames_.back().node], low_[node]);
      if (low_[node] == order_[node]) close(node);
    }
  }

  void close(std::size_t root) {
    std::vector<std::size_t> members;
    for (bool more = true; more;) {
      const std::size_t node = path_.back();
      path_.pop_back();
      open_[node] = false;
      members.push_back(node);
      more = node != root;
    }
    const bool itself = std::ranges::find(ways_[root], root) != ways_[root].end();
    if (members.size() > 1 || itself) cycles_.push_back(std::move(members));
  }

  const std::vector<std::vector<std::size_t>>& ways_;
  const std::vector<bool>& members_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> low_;
  std::vector<bool> open_;
  std::vector<std::size_t> path_;
  std::vector<Frame> frames_;
  std::vector<std::vector<std::size_t>> cycles_;
  std::size_t next_ = 0;
};

}  // namespace

bool is_edge_label(std::string_view label) {
  constexpr std::array<std::string_view, 4> kLabels{"default", "success", "failure", "timeout"};
  if (std::ranges::find(kLabels, label) != kLabels.end()) return true;
  return label.size() > 1 && label[0] == '$' && label.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

GraphFacts::GraphFacts(const Json& graph, const std::vector<std::string_view>& roots) {
  for (const Json& node : list_of(graph, "nodes").GetArray()) {
    const std::string_view id = string_member(node, "node_id");
    const auto [at, added] = index_.emplace(id, ids_.size());
    if (!added) {
      ++copies_[at->second];
      continue;
    }
    ids_.push_back(id);
    copies_.push_back(1);
    hasty_.push_back(is_hasty(node, 0));
  }
  ways_.resize(ids_.size());
  labels_.resize(ids_.size());
  for (const Json& edge : list_of(graph, "connections").GetArray()) {
    const std::string_view source = string_member(edge, "source_node_id");
    add_way(source, string_member(edge, "target_node_id"));
    if (const auto at = index_.find(source); at != index_.end())
      labels_[at->second].push_back(string_member(edge, "connection_type"));
  }
  for (const Json& node : list_of(graph, "nodes").GetArray()) {
    const Json* content = find(node, "content");
    if (content == nullptr || string_member(node, "node_type") != "condition") continue;
    for_each_named_target(*content, [&](std::string_view target) { add_way(string_member(node, "node_id"), target); });
  }
  reach(graph, roots);
}

void GraphFacts::add_way(std::string_view source, std::string_view target) {
  const auto from = index_.find(source);
  const auto to = index_.find(target);
  if (from != index_.end() && to != index_.end()) ways_[from->second].push_back(to->second);
}

void GraphFacts::reach(const Json& graph, const std::vector<std::string_view>& roots) {
  reachable_.assign(ids_.size(), false);
  std::vector<std::size_t> waiting;
  const auto visit = [&](std::size_t node) {
    if (reachable_[node]) return;
    reachable_[node] = true;
    waiting.push_back(node);
  };
  const auto enter = [&](std::string_view id) {
    if (const auto at = index_.find(id); at != index_.end()) visit(at->second);
  };
  has_entry_ = has(string_member(graph, "entry_node_id"));
  enter(string_member(graph, "entry_node_id"));
  for (const std::string_view root : roots) enter(root);
  while (!waiting.empty()) {
    const std::size_t node = waiting.back();
    waiting.pop_back();
    for (const std::size_t target : ways_[node]) visit(target);
  }
}

bool GraphFacts::reachable(std::string_view id) const {
  const auto at = index_.find(id);
  return at != index_.end() && reachable_[at->second];
}

int GraphFacts::copies(std::string_view id) const {
  const auto at = index_.find(id);
  return at == index_.end() ? 0 : copies_[at->second];
}

const std::vector<std::string_view>& GraphFacts::labels(std::string_view id) const {
  static const std::vector<std::string_view> kNone;
  const auto at = index_.find(id);
  return at == index_.end() ? kNone : labels_[at->second];
}

std::vector<std::vector<std::string_view>> GraphFacts::hasty_cycles() const {
  std::vector<std::vector<std::string_view>> cycles;
  for (const std::vector<std::size_t>& members : Components(ways_, hasty_).find_cycles()) {
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const std::size_t member : members) names.push_back(ids_[member]);
    std::ranges::sort(names);
    cycles.push_back(std::move(names));
  }
  return cycles;
}

}  // namespace sluice::flow
