// Verbs for tests of importers and the validator.
#pragma once

#include <fmt/format.h>

#include "core/flow/import/import.h"
#include "core/flow/validate/validate.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {

// A file of ../shared/flows, or null when the folder is not beside the source tree.
inline Json shared_flow(const std::string& name) {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/flows/" + name);
  if (!file) return {};
  std::stringstream text;
  text << file.rdbuf();
  return json(text.str());
}

inline const Json* node_of(const Json& flow, std::string_view id) {
  const Json* nodes = find(flow, "nodes");
  if (nodes == nullptr) return nullptr;
  for (const Json& node : nodes->GetArray()) {
    if (string_member(node, "node_id") == id) return &node;
  }
  return nullptr;
}

// A node's content as text with ' for ".
inline std::string content_text(const Json& flow, std::string_view id) {
  const Json* node = node_of(flow, id);
  if (node == nullptr) return "no node " + std::string(id);
  std::string text = to_text(*find(*node, "content"));
  std::replace(text.begin(), text.end(), '"', '\'');
  return text;
}

// "default → b, failure → c", in order.
inline std::string ways(const Json& flow, std::string_view id) {
  std::string text;
  for (const Json& edge : find(flow, "connections")->GetArray()) {
    if (string_member(edge, "source_node_id") != id) continue;
    text += fmt::format("{}{} → {}", text.empty() ? "" : ", ", string_member(edge, "connection_type"),
                        string_member(edge, "target_node_id"));
  }
  return text;
}

inline std::string shown(const std::vector<Note>& report) {
  std::string text;
  for (const Note& note : report) text += fmt::format("{} {}: {}\n", to_text(note.severity), note.path, note.message);
  return text;
}

inline std::string shown(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    text += fmt::format("{} {} {}: {}\n", to_text(finding.severity), finding.rule, finding.path, finding.message);
  return text;
}

// The canonical document comes back unchanged, and nothing is said about it.
inline void expect_stable(const Json& flow) {
  const Imported again = import_flow(flow, Format::kSluice);
  EXPECT_EQ(to_text(again.flow), to_text(flow));
  EXPECT_EQ(shown(again.report), "");
}

}  // namespace sluice::flow
