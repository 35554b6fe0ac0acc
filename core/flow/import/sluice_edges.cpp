#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/draft.h"
#include "core/flow/import/sluice_graph.h"

namespace sluice::flow::importing {
namespace {

constexpr std::array<std::string_view, 5> kSourceKeys{"source_node_id", "source", "from", "source_id", "from_node_id"};
constexpr std::array<std::string_view, 5> kTargetKeys{"target_node_id", "target", "to", "target_id", "to_node_id"};
constexpr std::array<std::string_view, 5> kLabelKeys{"connection_type", "label", "type", "sourceHandle",
                                                     "source_handle"};
// Columns of the table that say nothing about the flow, and what a drawing program adds.
constexpr std::array<std::string_view, 7> kOwnColumns{"id",         "flow_id",      "version_id",   "created_at",
                                                      "updated_at", "targetHandle", "target_handle"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view key) {
  return std::ranges::find(list, key) != list.end();
}

std::string id_text(const Json& value) {
  if (value.IsString()) return std::string(text_of(value));
  return value.IsInt64() ? to_text(value) : std::string();
}

template <std::size_t N>
std::string first_id(const Json& edge, const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys) {
    const Json* value = find(edge, key);
    if (value != nullptr && !id_text(*value).empty()) return id_text(*value);
  }
  return {};
}

std::string label_of(const Json& edge, const std::string& path, Json& info, std::vector<Note>& report) {
  for (const std::string_view key : kLabelKeys) {
    const std::string_view text = string_member(edge, key);
    if (text.empty()) continue;
    std::string label = label_from(text);
    if (!label.empty()) {
      if (label != text)
        report.push_back({path, Severity::kInfo, fmt::format("label '{}' is written '{}'", text, label)});
      return label;
    }
    if (key == "connection_type") {
      report.push_back(
          {path, Severity::kError, fmt::format("label '{}' is none of default, success, failure, timeout, $N", text)});
      return std::string(text);
    }
    set(info, key, text);
  }
  return "default";
}

// The CEL string is `condition`, the JSON form `conditions`, whichever of the two names they came under.
void copy_conditions(const Json& edge, Json& connection, const std::string& path, std::vector<Note>& report) {
  for (const std::string_view key : {"condition", "conditions"}) {
    const Json* value = find(edge, key);
    if (value == nullptr || value->IsNull() || (value->IsObject() && value->MemberCount() == 0) ||
        (value->IsArray() && value->Empty()))
      continue;
    const std::string_view proper = value->IsString() ? "condition" : "conditions";
    if (value->IsString() && text_of(*value).empty()) continue;
    if (proper != key) report.push_back({path, Severity::kInfo, fmt::format("'{}' is written '{}'", key, proper)});
    set(connection, proper, clone(*value));
  }
}

}  // namespace

std::string label_from(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kLabels{{{"default", "default"},
                                                                                  {"success", "success"},
                                                                                  {"failure", "failure"},
                                                                                  {"timeout", "timeout"},
                                                                                  {"error", "failure"},
                                                                                  {"complete", "default"},
                                                                                  {"conditional", "default"}}};
  for (const auto& [spelling, label] : kLabels) {
    if (equal_ignoring_case(text, spelling)) return std::string(label);
  }
  const bool choice = text.starts_with('$') && is_integer(text.substr(1)) && text[1] != '-';
  return choice ? std::string(text) : std::string();
}

Json canonical_connection(const Json& edge, const std::string& path, std::vector<Note>& report) {
  if (!edge.IsObject()) {
    report.push_back({path, Severity::kError, "a connection must be an object"});
    return object_of({{"source_node_id", ""}, {"target_node_id", ""}, {"connection_type", "default"}});
  }
  Json info = make_object();
  const std::string label = label_of(edge, path, info, report);
  Json connection = object_of({{"source_node_id", first_id(edge, kSourceKeys)},
                               {"target_node_id", first_id(edge, kTargetKeys)},
                               {"connection_type", label}});
  copy_conditions(edge, connection, path, report);
  std::string moved;
  for (const auto& member : edge.GetObject()) {
    const std::string_view key = text_of(member.name);
    if (key == "info" && member.value.IsObject()) {
      deep_merge(info, member.value);
      continue;
    }
    const bool used = contains(kSourceKeys, key) || contains(kTargetKeys, key) || contains(kLabelKeys, key) ||
                      key == "condition" || key == "conditions";
    if (used || contains(kOwnColumns, key) || member.value.IsNull()) continue;
    set(info, key, clone(member.value));
    moved += (moved.empty() ? "" : ", ") + std::string(key);
  }
  if (!moved.empty()) report.push_back({path, Severity::kInfo, fmt::format("{} moved into info", moved)});
  if (info.MemberCount() > 0) set(connection, "info", std::move(info));
  return connection;
}

}  // namespace sluice::flow::importing
