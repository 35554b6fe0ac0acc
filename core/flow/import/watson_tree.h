// Watson's dialog nodes as a tree: children in the order of their previous_sibling links, folders spliced in place.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

struct WatsonNode {
  const Json* json;
  std::string id;                        // Watson's own
  std::string path;                      // dialog_nodes[7]
  std::size_t parent;                    // kRoot at the top; folders are no parents
  std::vector<std::string_view> guards;  // conditions of the folders around it
  std::vector<std::size_t> children;     // standard nodes and frames
  std::vector<std::size_t> responses;    // response conditions
  std::vector<std::size_t> slots;
  std::vector<std::size_t> handlers;  // of a slot
};

class WatsonTree {
 public:
  static constexpr std::size_t kRoot = static_cast<std::size_t>(-1);

  // `workspace` outlives this. What belongs nowhere is reported.
  WatsonTree(const Json& workspace, Draft& draft);

  [[nodiscard]] const std::vector<WatsonNode>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<std::size_t>& top() const { return top_; }
  [[nodiscard]] const WatsonNode* by_id(std::string_view id) const;
  [[nodiscard]] std::size_t index_of(const WatsonNode& node) const {
    return static_cast<std::size_t>(&node - nodes_.data());
  }
  [[nodiscard]] const std::vector<std::size_t>& siblings_of(const WatsonNode& node) const;

 private:
  struct Raw {
    const Json* json;
    std::string path;
  };
  void place(Draft& draft);
  [[nodiscard]] std::vector<std::size_t> ordered(const std::vector<std::size_t>& children) const;

  std::vector<Raw> raw_;
  std::vector<WatsonNode> nodes_;
  std::vector<std::size_t> top_;
  std::unordered_map<std::string, std::size_t> by_id_;
};

}  // namespace sluice::flow::importing
