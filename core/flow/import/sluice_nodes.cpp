#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/draft.h"
#include "core/flow/import/sluice_graph.h"

namespace sluice::flow::importing {
namespace {

constexpr std::array<std::string_view, 7> kTypes{"message", "question",  "condition", "action",
                                                 "webhook", "composite", "script"};
constexpr std::array<std::string_view, 4> kIdKeys{"node_id", "id", "node_key", "key"};
constexpr std::array<std::string_view, 3> kTypeKeys{"node_type", "type", "nodeType"};
constexpr std::array<std::string_view, 4> kKept{"template", "content", "position", "info"};
// Columns of the table, and what drawing programs add: nothing of the flow's.
constexpr std::array<std::string_view, 13> kOwnColumns{
    "id",     "node_key", "flow_id",  "version_id", "created_at",       "updated_at", "width",
    "height", "selected", "dragging", "measured",   "positionAbsolute", "key"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view key) {
  return std::ranges::find(list, key) != list.end();
}

std::string_view lower_type(std::string_view type) {
  const auto* found =
      std::ranges::find_if(kTypes, [&](std::string_view known) { return equal_ignoring_case(known, type); });
  return found == kTypes.end() ? std::string_view() : *found;
}

// Drawing programs have types of their own ("custom"): a known type wins wherever it stands.
std::string type_of(const Json& node, const std::string& path, std::vector<Note>& report) {
  const Json* data = find(node, "data");
  std::string_view first;
  for (const Json* holder : {&node, data}) {
    if (holder == nullptr) continue;
    for (const std::string_view key : kTypeKeys) {
      const std::string_view text = string_member(*holder, key);
      if (text.empty()) continue;
      if (first.empty()) first = text;
      const std::string_view known = lower_type(text);
      if (known.empty()) continue;
      if (known != text)
        report.push_back({path, Severity::kInfo, fmt::format("type '{}' is written '{}'", text, known)});
      return std::string(known);
    }
  }
  report.push_back({path, Severity::kError,
                    first.empty() ? "the node has no type" : fmt::format("node type '{}' is unknown", first)});
  return std::string(first);
}

// {"action": "set_variable", "params": {…}} → {"type": "set_variable", …}.
Json canonical_action(const Json& action) {
  const std::string_view name = string_member(action, "action");
  if (name.empty() || find(action, "type") != nullptr) return clone(action);
  Json result = object_of({{"type", name}});
  for (const auto& member : action.GetObject()) {
    const std::string_view key = text_of(member.name);
    if (key == "params" && member.value.IsObject()) {
      for (const auto& param : member.value.GetObject()) set(result, text_of(param.name), clone(param.value));
    } else if (key != "action") {
      set(result, key, clone(member.value));
    }
  }
  return result;
}

void make_action_list(Json& content, const std::string& path, std::vector<Note>& report) {
  if (!string_member(content, "action").empty()) {
    Json actions = array_of(canonical_action(content));
    content = make_object();
    set(content, "actions", std::move(actions));
    report.push_back({path, Severity::kInfo, "the single action is written as a list of one"});
    return;
  }
  Json* actions = find(content, "actions");
  if (actions == nullptr) return;
  if (actions->IsObject()) *actions = array_of(Json(std::move(*actions)));
  if (!actions->IsArray()) return;
  for (rapidjson::SizeType i = 0; i < actions->Size(); ++i) {
    Json& action = (*actions)[i];
    if (!action.IsObject() || string_member(action, "action").empty() || find(action, "type") != nullptr) continue;
    action = canonical_action(action);
    report.push_back(
        {at(path, "actions", i), Severity::kInfo, "'action' and 'params' are written as one object with 'type'"});
  }
}

Json members_except(const Json& object, const auto&... lists) {
  Json result = make_object();
  for (const auto& member : object.GetObject()) {
    const std::string_view key = text_of(member.name);
    if (key != "connections" && !(contains(lists, key) || ...)) set(result, key, clone(member.value));
  }
  return result;
}

Json content_of(const Json& node, const std::string& path, std::vector<Note>& report) {
  if (const Json* content = find(node, "content"); content != nullptr && content->IsObject()) return clone(*content);
  const Json* data = find(node, "data");
  if (data != nullptr && data->IsObject()) {
    report.push_back({path, Severity::kInfo, "the content is taken from 'data'"});
    if (const Json* content = find(*data, "content"); content != nullptr && content->IsObject()) return clone(*content);
    return members_except(*data, kIdKeys, kTypeKeys, kOwnColumns);
  }
  constexpr std::array<std::string_view, 1> kData{"data"};
  Json content = members_except(node, kIdKeys, kTypeKeys, kKept, kOwnColumns, kData);
  if (content.MemberCount() > 0)
    report.push_back({path, Severity::kInfo, "the content is taken from the node's own members"});
  return content;
}

void append_connection(Json& connections, const std::string& source, std::string_view label, const Json& target) {
  Json edge = target.IsObject() ? clone(target) : make_object();
  if (!target.IsObject()) set(edge, "target_node_id", clone(target));
  if (find(edge, "source_node_id") == nullptr) set(edge, "source_node_id", source);
  if (!label.empty() && find(edge, "connection_type") == nullptr) set(edge, "connection_type", label);
  push(connections, std::move(edge));
}

void take_inline_connections(const Json& node, const std::string& id, const std::string& path, Json& connections,
                             std::vector<Note>& report) {
  const Json* own = find(node, "connections");
  if (own == nullptr) {
    const Json* data = find(node, "data");
    own = data == nullptr ? nullptr : find(*data, "connections");
  }
  if (own == nullptr || own->IsNull()) return;
  if (own->IsObject()) {
    for (const auto& member : own->GetObject()) {
      if (member.value.IsArray()) {
        for (const Json& target : member.value.GetArray())
          append_connection(connections, id, text_of(member.name), target);
      } else {
        append_connection(connections, id, text_of(member.name), member.value);
      }
    }
  } else if (own->IsArray()) {
    for (const Json& target : own->GetArray()) append_connection(connections, id, {}, target);
  } else {
    append_connection(connections, id, {}, *own);
  }
  report.push_back({path, Severity::kInfo, "the node's own connections are listed with the flow's"});
}

}  // namespace

bool known_node_type(std::string_view type) {
  return contains(kTypes, type);
}

std::string node_id_of(const Json& node) {
  const Json* data = find(node, "data");
  for (const Json* holder : {&node, data}) {
    if (holder == nullptr) continue;
    for (const std::string_view key : kIdKeys) {
      const Json* id = find(*holder, key);
      if (id != nullptr && id->IsString() && id->GetStringLength() > 0) return std::string(text_of(*id));
      if (id != nullptr && id->IsInt64()) return to_text(*id);
    }
  }
  return {};
}

Json canonical_node(const Json& node, const std::string& path, Json& connections, std::vector<Note>& report) {
  if (!node.IsObject()) {
    report.push_back({path, Severity::kError, "a node must be an object"});
    Json nothing = object_of({{"node_id", ""}, {"node_type", ""}});
    set(nothing, "content", make_object());
    return nothing;
  }
  const std::string id = node_id_of(node);
  if (id.empty())
    report.push_back({path, Severity::kError, "the node has no id under node_id, id, node_key or data.id"});
  const std::string type = type_of(node, path, report);
  if (id != string_member(node, "node_id") || type != string_member(node, "node_type")) {
    report.push_back({path, Severity::kInfo, fmt::format("written as node_id '{}', node_type '{}'", id, type)});
  }
  Json result = object_of({{"node_id", id}, {"node_type", type}});
  if (const Json* part = find(node, "template"); part != nullptr && !part->IsNull())
    set(result, "template", clone(*part));
  Json content = content_of(node, path, report);
  // An inline composite's connections are its own content; those of other nodes are edges.
  const bool nested = type == "composite" && find(content, "nodes") != nullptr;
  if (type == "action") make_action_list(content, path + ".content", report);
  set(result, "content", std::move(content));
  if (const Json* part = find(node, "position"); part != nullptr && part->IsObject())
    set(result, "position", clone(*part));
  Json info = make_object();
  if (const Json* own = find(node, "info"); own != nullptr && own->IsObject()) info = clone(*own);
  if (find(node, "content") != nullptr) {
    constexpr std::array<std::string_view, 1> kData{"data"};
    const Json rest = members_except(node, kIdKeys, kTypeKeys, kKept, kOwnColumns, kData);
    for (const auto& member : rest.GetObject()) set(info, text_of(member.name), clone(member.value));
    if (rest.MemberCount() > 0)
      report.push_back({path, Severity::kInfo, "members that nodes do not have are moved into info"});
  }
  if (info.MemberCount() > 0) set(result, "info", std::move(info));
  if (!nested || find(node, "content") != nullptr) take_inline_connections(node, id, path, connections, report);
  return result;
}

}  // namespace sluice::flow::importing
