// The words in which importers and the validator report: how grave a thing is and where it stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace sluice::flow {

using sluice::to_text;  // of a Json, beside those of this namespace's enumerations

enum class Severity {
  kError,    // blocks publishing: something is wrong or was lost
  kWarning,  // works, but differently or less well than its author may expect
  kInfo,
};
[[nodiscard]] std::string_view to_text(Severity severity);  // "ERROR", "WARNING", "INFO"
[[nodiscard]] std::optional<Severity> severity_from(std::string_view text);

// Something an importer rewrote or could not carry over.
struct Note {
  std::string path;  // into the document that was imported: nodes[3].content.timeout, groups[0].blocks[2]
  Severity severity = Severity::kInfo;
  std::string message;
};

// Something the validator found.
struct Finding {
  std::string path;  // into the flow: nodes[3].content.url, nodes.ask_age.content, connections[2]
  Severity severity = Severity::kError;
  std::string rule;  // its name, for switching it off
  std::string message;
  std::string fix;  // the author's next step
};

}  // namespace sluice::flow
