#include "core/flow/import/typebot_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

const Json* list_of(const Json& object, std::string_view key) {
  const Json* list = find(object, key);
  return list != nullptr && list->IsArray() ? list : nullptr;
}

bool is_client_step(std::string_view type) {
  return type == "Wait" || type == "Redirect";
}

bool makes_request(std::string_view type) {
  constexpr std::array<std::string_view, 5> kTypes{"Webhook", "HTTP request", "Zapier", "Make.com", "Pabbly"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

std::string_view request_url(const Json& block) {
  const Json* options = find(block, "options");
  const Json* webhook = options == nullptr ? nullptr : find(*options, "webhook");
  if (webhook == nullptr) webhook = find(block, "webhook");
  return webhook == nullptr ? std::string_view() : string_member(*webhook, "url");
}

std::string_view suffix_of(TypebotRole role) {
  switch (role) {
    case TypebotRole::kQuestion:
      return "_ask";
    case TypebotRole::kCondition:
      return "_if";
    case TypebotRole::kAction:
      return "_set";
    case TypebotRole::kScript:
      return "_script";
    case TypebotRole::kWebhook:
      return "_call";
    case TypebotRole::kComposite:
      return "_flow";
    case TypebotRole::kMessage:
    case TypebotRole::kRedirect:
      return "";
  }
  return "";
}

// Whether only a client can run the block: a Script, or a variable set by JavaScript.
bool is_script(const Json& block, const TypebotVariables& variables) {
  if (string_member(block, "type") == "Script") return true;
  const Json* options = find(block, "options");
  if (options == nullptr || string_member(block, "type") != "Set variable") return false;
  const std::string_view expression = string_member(*options, "expressionToEvaluate");
  return read_expression(expression, is_true(*options, "isCode"), variables).form == TypebotExpression::Form::kCode;
}

}  // namespace

TypebotGraph::TypebotGraph(const Json& document) : document_(document) {
  index_blocks();
  index_edges();
}

void TypebotGraph::index_blocks() {
  const Json* groups = list_of(document_, "groups");
  if (groups == nullptr) return;
  for (const Json& group : groups->GetArray()) {
    group_by_id_.emplace(string_member(group, "id"), groups_.size());
    Group entry{&group, {}, {}};
    if (const Json* blocks = list_of(group, "blocks")) {
      for (const Json& block : blocks->GetArray()) {
        block_by_id_.emplace(string_member(block, "id"), Place{groups_.size(), entry.blocks.size()});
        entry.blocks.push_back(&block);
        const Json* options = find(block, "options");
        if (options != nullptr && string_member(block, "type") == "Jump")
          jumped_to_.emplace(string_member(*options, "blockId"));
      }
    }
    groups_.push_back(std::move(entry));
  }
}

void TypebotGraph::index_edges() {
  const Json* edges = list_of(document_, "edges");
  if (edges == nullptr) return;
  for (const Json& edge : edges->GetArray()) {
    const Json* to = find(edge, "to");
    if (to == nullptr) continue;
    edges_.emplace(string_member(edge, "id"), to);
    jumped_to_.emplace(string_member(*to, "blockId"));
    const Json* from = find(edge, "from");
    if (from == nullptr) continue;
    for (const std::string_view key : {"itemId", "blockId", "eventId"}) {
      const std::string_view source = string_member(*from, key);
      if (source.empty()) continue;
      edge_from_.emplace(source, to);
      break;
    }
  }
}

std::string TypebotGraph::path(Place place) const {
  return at(at("groups", place.group), "blocks", place.block);
}

void TypebotGraph::divide(const TypebotVariables& variables, Draft& draft) {
  for (std::size_t group = 0; group < groups_.size(); ++group) divide_group(group, variables, draft);
}

void TypebotGraph::divide_group(std::size_t group, const TypebotVariables& variables, Draft& draft) {
  const std::size_t begin = segments_.size();
  Group& entry = groups_[group];
  for (std::size_t block = 0; block < entry.blocks.size();) {
    TypebotSegment segment = segment_from({group, block}, variables, draft);
    entry.segment_at.emplace(block, segments_.size());
    // An input that is jumped to stands alone, so the last block of a segment is never a target unless it is also the
    // first.
    block = segment.last.block + 1;
    segments_.push_back(std::move(segment));
  }
  const std::string_view title = string_member(*entry.json, "title");
  const bool alone = segments_.size() == begin + 1;
  for (std::size_t i = begin; i < segments_.size(); ++i) {
    if (segments_[i].role == TypebotRole::kRedirect) continue;
    const std::string wish = slug(title.empty() ? fmt::format("group {}", group + 1) : title);
    segments_[i].node = draft.reserve(alone ? wish : wish + std::string(suffix_of(segments_[i].role)),
                                      fmt::format("group_{}", group + 1));
  }
}

// Whether the block below may share a node with this one.
bool TypebotGraph::joins(Place upper) const {
  const Group& group = groups_[upper.group];
  if (upper.block + 1 >= group.blocks.size() || own_edge(*group.blocks[upper.block]) != nullptr) return false;
  return !jumped_to_.contains(std::string(string_member(*group.blocks[upper.block + 1], "id")));
}

TypebotSegment TypebotGraph::segment_from(Place place, const TypebotVariables& variables, Draft& draft) const {
  const std::vector<const Json*>& blocks = groups_[place.group].blocks;
  const auto type_at = [&](std::size_t i) { return string_member(*blocks[i], "type"); };
  const std::string_view type = type_at(place.block);
  const Json* options = find(*blocks[place.block], "options");
  std::size_t last = place.block;
  const auto segment = [&](TypebotRole role) { return TypebotSegment{role, place, {place.group, last}, {}}; };

  if (is_input(type)) return segment(TypebotRole::kQuestion);
  if (is_bubble(type) || is_client_step(type)) {
    while (joins({place.group, last}) && (is_bubble(type_at(last + 1)) || is_client_step(type_at(last + 1)))) ++last;
    const bool asks = type_at(last) == "text" && joins({place.group, last}) && is_input(type_at(last + 1));
    if (!asks) return segment(TypebotRole::kMessage);
    if (last == place.block) {
      ++last;
      return segment(TypebotRole::kQuestion);
    }
    --last;
    return segment(TypebotRole::kMessage);
  }
  if (is_script(*blocks[place.block], variables)) return segment(TypebotRole::kScript);
  if (type == "Set variable") {
    const auto also_sets = [&](std::size_t i) {
      return type_at(i) == "Set variable" && !is_script(*blocks[i], variables);
    };
    while (joins({place.group, last}) && also_sets(last + 1)) ++last;
    return segment(TypebotRole::kAction);
  }
  if (type == "Condition") return segment(TypebotRole::kCondition);
  if (makes_request(type) && !request_url(*blocks[place.block]).empty()) return segment(TypebotRole::kWebhook);
  if (type == "Typebot link" && options != nullptr && string_member(*options, "typebotId") != "current") {
    return segment(TypebotRole::kComposite);
  }
  if (type == "Jump" || type == "Typebot link" || type == "start") return segment(TypebotRole::kRedirect);
  if (makes_request(type)) {
    draft.note(path(place), Severity::kWarning, "the request has no url and is left out, as Typebot skips it");
  } else {
    draft.note(path(place), Severity::kError,
               fmt::format("a '{}' block has no counterpart here: it is left out and the flow goes on after it", type));
  }
  return segment(TypebotRole::kRedirect);
}

const Json* TypebotGraph::own_edge(const Json& block) const {
  const auto by_id = edges_.find(std::string(string_member(block, "outgoingEdgeId")));
  if (by_id != edges_.end()) return by_id->second;
  const auto by_source = edge_from_.find(std::string(string_member(block, "id")));
  return by_source == edge_from_.end() ? nullptr : by_source->second;
}

bool TypebotGraph::place_of(const Json& target, Place& place) const {
  if (const auto block = block_by_id_.find(std::string(string_member(target, "blockId")));
      block != block_by_id_.end()) {
    place = block->second;
    return true;
  }
  const auto group = group_by_id_.find(std::string(string_member(target, "groupId")));
  if (group == group_by_id_.end() || groups_[group->second].blocks.empty()) return false;
  place = {group->second, 0};
  return true;
}

std::string TypebotGraph::node_at(const Json* target) const {
  Place place;
  return target != nullptr && place_of(*target, place) ? node_at(place) : std::string();
}

// Follows redirects; a ring of them leads nowhere.
std::string TypebotGraph::node_at(Place place) const {
  for (std::size_t hops = 0; hops <= segments_.size(); ++hops) {
    const auto found = groups_[place.group].segment_at.find(place.block);
    if (found == groups_[place.group].segment_at.end()) return {};
    const TypebotSegment& segment = segments_[found->second];
    if (segment.role != TypebotRole::kRedirect) return segment.node;
    const Json& redirect = block(place);
    const Json* options = find(redirect, "options");
    const std::string_view type = string_member(redirect, "type");
    if ((type == "Jump" || type == "Typebot link") && options != nullptr) {
      if (place_of(*options, place)) continue;
      if (type != "Typebot link" || !place_of_start(place)) return {};
      continue;
    }
    if (const Json* edge = own_edge(redirect)) {
      if (!place_of(*edge, place)) return {};
    } else if (++place.block >= groups_[place.group].blocks.size()) {
      return {};
    }
  }
  return {};
}

std::string TypebotGraph::next(Place place) const {
  if (const Json* edge = own_edge(block(place))) return node_at(edge);
  return below(place);
}

std::string TypebotGraph::below(Place place) const {
  ++place.block;
  return place.block < groups_[place.group].blocks.size() ? node_at(place) : std::string();
}

const Json* TypebotGraph::edge_of_item(const Json& item) const {
  const auto by_id = edges_.find(std::string(string_member(item, "outgoingEdgeId")));
  if (by_id != edges_.end()) return by_id->second;
  const auto by_source = edge_from_.find(std::string(string_member(item, "id")));
  return by_source == edge_from_.end() ? nullptr : by_source->second;
}

std::string TypebotGraph::target_of_item(const Json& item) const {
  return node_at(edge_of_item(item));
}

bool TypebotGraph::place_of_start(Place& place) const {
  if (const Json* events = list_of(document_, "events")) {
    for (const Json& event : events->GetArray()) {
      const Json* edge = string_member(event, "type") == "start" ? edge_of_item(event) : nullptr;
      if (edge != nullptr) return place_of(*edge, place);
    }
  }
  for (const Group& group : groups_) {
    for (const Json* block : group.blocks) {
      const Json* edge = string_member(*block, "type") == "start" ? own_edge(*block) : nullptr;
      if (edge != nullptr) return place_of(*edge, place);
    }
  }
  return false;
}

std::string TypebotGraph::start() const {
  Place place;
  return place_of_start(place) ? node_at(place) : std::string();
}

std::vector<std::pair<std::string, const Json*>> TypebotGraph::initial_values(const TypebotVariables& variables) const {
  std::vector<std::pair<std::string, const Json*>> values;
  const Json* list = list_of(document_, "variables");
  if (list == nullptr) return values;
  for (const Json& item : list->GetArray()) {
    const Json* value = find(item, "value");
    const TypebotVariable* variable = variables.by_id(string_member(item, "id"));
    if (value != nullptr && !value->IsNull() && variable != nullptr) values.emplace_back(variable->path, value);
  }
  return values;
}

}  // namespace sluice::flow::importing
