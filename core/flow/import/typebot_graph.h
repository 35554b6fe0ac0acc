// Where Typebot's blocks lead, and how the blocks of a group are divided into nodes.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

class TypebotVariables;

struct Place {
  std::size_t group = 0;
  std::size_t block = 0;
};

enum class TypebotRole { kMessage, kQuestion, kCondition, kAction, kScript, kWebhook, kComposite, kRedirect };

// Blocks of one group that become one node: bubbles in a row; the bubble above an input with it; variables set in a
// row.
struct TypebotSegment {
  TypebotRole role;
  Place first;
  Place last;
  std::string node;  // empty for kRedirect, which leads elsewhere and is no node
};

class TypebotGraph {
 public:
  explicit TypebotGraph(const Json& document);  // which outlives this

  // Makes the segments and names their nodes. Blocks without a counterpart are reported and become redirects.
  void divide(const TypebotVariables& variables, Draft& draft);
  [[nodiscard]] const std::vector<TypebotSegment>& segments() const { return segments_; }

  [[nodiscard]] const Json& group(Place place) const { return *groups_[place.group].json; }
  [[nodiscard]] const Json& block(Place place) const { return *groups_[place.group].blocks[place.block]; }
  [[nodiscard]] std::string path(Place place) const;

  // Node ids, empty where the conversation ends: after a block by its own edge or else the block below; the block below
  // whatever the edges; by an item's edge; at the start.
  [[nodiscard]] std::string next(Place place) const;
  [[nodiscard]] std::string below(Place place) const;
  [[nodiscard]] std::string target_of_item(const Json& item) const;
  [[nodiscard]] std::string start() const;

  [[nodiscard]] std::vector<std::pair<std::string, const Json*>> initial_values(
      const TypebotVariables& variables) const;

 private:
  struct Group {
    const Json* json;
    std::vector<const Json*> blocks;
    std::unordered_map<std::size_t, std::size_t> segment_at;  // of a block
  };

  void index_blocks();
  void index_edges();
  void divide_group(std::size_t group, const TypebotVariables& variables, Draft& draft);
  [[nodiscard]] TypebotSegment segment_from(Place place, const TypebotVariables& variables, Draft& draft) const;
  [[nodiscard]] bool joins(Place upper) const;
  [[nodiscard]] const Json* own_edge(const Json& block) const;
  [[nodiscard]] const Json* edge_of_item(const Json& item) const;
  [[nodiscard]] bool place_of_start(Place& place) const;
  [[nodiscard]] std::string node_at(const Json* target) const;
  [[nodiscard]] std::string node_at(Place place) const;
  [[nodiscard]] bool place_of(const Json& target, Place& place) const;

  const Json& document_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, std::size_t> group_by_id_;
  std::unordered_map<std::string, Place> block_by_id_;
  std::unordered_map<std::string, const Json*> edges_;      // `to` by edge id
  std::unordered_map<std::string, const Json*> edge_from_;  // `to` by block, item or event id
  std::unordered_set<std::string> jumped_to_;               // block ids
  std::vector<TypebotSegment> segments_;
};

}  // namespace sluice::flow::importing
