// Reports on flows: what an importer rewrote, what the validator found.
#pragma once

#include <cstdio>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/report.h"

namespace sluice::cli {

[[nodiscard]] flow::Finding finding_of(const flow::Note& note);

// A table of severity, path, rule and message, with the fix under its finding. Nothing for an empty report.
void print_report(std::FILE* stream, const std::vector<flow::Finding>& report);

// [{"path", "severity", "rule", "message", "fix"}, …]
[[nodiscard]] Json to_json(const std::vector<flow::Finding>& report);

// Prints the report that the text is, on standard error; false when it is none.
bool print_report_in(std::string_view json_text);

// "2 errors, 1 warning"
[[nodiscard]] std::string in_numbers(const std::vector<flow::Finding>& report);

}  // namespace sluice::cli
