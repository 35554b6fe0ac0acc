#include "core/flow/report.h"

namespace sluice::flow {

std::string_view to_text(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "ERROR";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kInfo:
      return "INFO";
  }
  return "ERROR";
}

std::optional<Severity> severity_from(std::string_view text) {
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kInfo}) {
    if (text == to_text(severity)) return severity;
  }
  return std::nullopt;
}

}  // namespace sluice::flow
