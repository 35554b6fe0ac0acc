#include "core/flow/import/watson_tree.h"

#include <fmt/format.h>

namespace sluice::flow::importing {
namespace {

constexpr std::size_t kDeepestFolders = 32;

struct Pending {
  std::size_t raw;
  std::size_t parent;  // index into nodes, or kRoot
  std::vector<std::string_view> guards;
};

}  // namespace

WatsonTree::WatsonTree(const Json& workspace, Draft& draft) {
  const Json* list = find(workspace, "dialog_nodes");
  if (list == nullptr || !list->IsArray()) {
    draft.note("dialog_nodes", Severity::kError, "the workspace has no list of dialog nodes");
    return;
  }
  for (std::size_t i = 0; i < list->Size(); ++i)
    raw_.push_back({&(*list)[static_cast<rapidjson::SizeType>(i)], at("dialog_nodes", i)});
  place(draft);
}

// Every node is placed at most once, so neither a ring of parents nor a ring of siblings can hold this up.
void WatsonTree::place(Draft& draft) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> children_of;
  for (std::size_t i = 0; i < raw_.size(); ++i) children_of[string_member(*raw_[i].json, "parent")].push_back(i);
  std::vector<bool> placed(raw_.size(), false);
  std::vector<Pending> pending;
  const auto expect = [&](std::string_view parent_id, std::size_t parent, const std::vector<std::string_view>& guards) {
    const auto found = children_of.find(parent_id);
    if (found == children_of.end()) return;
    const std::vector<std::size_t> in_order = ordered(found->second);
    for (auto child = in_order.rbegin(); child != in_order.rend(); ++child) pending.push_back({*child, parent, guards});
  };
  nodes_.reserve(raw_.size());
  expect("", kRoot, {});
  while (!pending.empty()) {
    Pending next = std::move(pending.back());
    pending.pop_back();
    if (placed[next.raw]) continue;
    placed[next.raw] = true;
    const Json& json = *raw_[next.raw].json;
    const std::string_view id = string_member(json, "dialog_node");
    const std::string_view type = string_member(json, "type", "standard");
    const Json* disabled = find(json, "disabled");
    if (disabled != nullptr && disabled->IsTrue()) {
      draft.note(raw_[next.raw].path, Severity::kInfo, fmt::format("'{}' is disabled and left out", id));
      continue;
    }
    if (type == "folder") {
      std::vector<std::string_view> guards = next.guards;
      if (!string_member(json, "conditions").empty() && guards.size() < kDeepestFolders)
        guards.push_back(string_member(json, "conditions"));
      expect(id, next.parent, guards);
      continue;
    }
    const std::size_t index = nodes_.size();
    nodes_.push_back({&json, std::string(id), raw_[next.raw].path, next.parent, next.guards, {}, {}, {}, {}});
    by_id_.emplace(id, index);
    if (next.parent == kRoot) {
      top_.push_back(index);
    } else {
      WatsonNode& parent = nodes_[next.parent];
      if (type == "response_condition") {
        parent.responses.push_back(index);
      } else if (type == "slot") {
        parent.slots.push_back(index);
      } else if (type == "event_handler") {
        parent.handlers.push_back(index);
      } else {
        parent.children.push_back(index);
      }
    }
    if (!id.empty()) expect(id, index, {});
  }
  for (std::size_t i = 0; i < raw_.size(); ++i) {
    if (!placed[i])
      draft.note(raw_[i].path, Severity::kWarning,
                 fmt::format("'{}' belongs to no node that is used and is left out",
                             string_member(*raw_[i].json, "dialog_node")));
  }
}

std::vector<std::size_t> WatsonTree::ordered(const std::vector<std::size_t>& children) const {
  std::unordered_map<std::string_view, std::size_t> after;  // by previous_sibling
  for (const std::size_t child : children) after.emplace(string_member(*raw_[child].json, "previous_sibling"), child);
  std::vector<std::size_t> result;
  std::vector<bool> taken(raw_.size(), false);
  for (std::string_view previous;;) {
    const auto found = after.find(previous);
    if (found == after.end() || taken[found->second]) break;
    taken[found->second] = true;
    result.push_back(found->second);
    previous = string_member(*raw_[found->second].json, "dialog_node");
  }
  for (const std::size_t child : children) {
    if (!taken[child]) result.push_back(child);
  }
  return result;
}

const WatsonNode* WatsonTree::by_id(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &nodes_[found->second];
}

const std::vector<std::size_t>& WatsonTree::siblings_of(const WatsonNode& node) const {
  return node.parent == kRoot ? top_ : nodes_[node.parent].children;
}

}  // namespace sluice::flow::importing
