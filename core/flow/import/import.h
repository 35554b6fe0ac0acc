// Flows of other systems, and ours in all its spellings, as canonical documents (FLOW 1, 11). Pure; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/report.h"

namespace sluice::flow {

enum class Format { kSluice, kTypebot, kWatson, kLandbot, kRapidpro };
[[nodiscard]] std::string_view to_text(Format format);  // the names that DESIGN 9.2 gives
[[nodiscard]] std::optional<Format> format_from(std::string_view text);

// A canonical document (FLOW 11), and what was rewritten or could not be carried over on the way. The document always
// has name, version, entry_node_id, nodes and connections, whatever was given; an ERROR in the report says that it is
// not what its author meant. Importing a canonical document gives it back unchanged with an empty report.
struct Imported {
  Json flow;
  std::vector<Note> report;
};
[[nodiscard]] Imported import_flow(const Json& document, Format format);

[[nodiscard]] bool has_errors(const std::vector<Note>& report);

}  // namespace sluice::flow
