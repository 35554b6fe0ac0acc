#include "cli/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/table.h"

namespace sluice::cli {
namespace {

std::string counted(std::ptrdiff_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", count, count == 1 ? one : more);
}

Ink ink_for(flow::Severity severity) {
  if (severity == flow::Severity::kError) return Ink::kBad;
  return severity == flow::Severity::kWarning ? Ink::kWarn : Ink::kDim;
}

}  // namespace

flow::Finding finding_of(const flow::Note& note) {
  return {note.path, note.severity, "import", note.message, ""};
}

void print_report(std::FILE* stream, const std::vector<flow::Finding>& report) {
  const bool colour = takes_colour(stream);
  std::size_t path_width = 0;
  for (const flow::Finding& finding : report)
    path_width = std::max(path_width, std::min<std::size_t>(display_width(finding.path), 50));
  for (const flow::Finding& finding : report) {
    const std::string path = printable(finding.path);
    const std::size_t space = path_width - std::min(display_width(path), path_width);
    fmt::print(stream, "{}{:{}} {}{:{}}  {}{}\n",
               inked(flow::to_text(finding.severity), ink_for(finding.severity), colour), "",
               7 - flow::to_text(finding.severity).size(), path, "", space, printable(finding.message),
               finding.rule.empty() || finding.rule == "import"
                   ? ""
                   : inked(fmt::format(" [{}]", printable(finding.rule)), Ink::kDim, colour));
    if (!finding.fix.empty())
      fmt::print(stream, "{:9}{}\n", "", inked("fix: " + printable(finding.fix), Ink::kDim, colour));
  }
}

Json to_json(const std::vector<flow::Finding>& report) {
  Json list = make_array();
  for (const flow::Finding& finding : report) {
    Json entry = make_object();
    set(entry, "path", finding.path);
    set(entry, "severity", flow::to_text(finding.severity));
    set(entry, "rule", finding.rule);
    set(entry, "message", finding.message);
    set(entry, "fix", finding.fix);
    push(list, std::move(entry));
  }
  return list;
}

bool print_report_in(std::string_view json_text) {
  const auto document = json_text.starts_with('[') ? parse_json(json_text) : std::unexpected(JsonError{});
  if (!document || !document->IsArray()) return false;
  std::vector<flow::Finding> report;
  for (const Json& entry : document->GetArray()) {
    const auto severity = flow::severity_from(string_member(entry, "severity"));
    if (!severity) return false;
    report.push_back({std::string(string_member(entry, "path")), *severity, std::string(string_member(entry, "rule")),
                      std::string(string_member(entry, "message")), std::string(string_member(entry, "fix"))});
  }
  print_report(stderr, report);
  return true;
}

std::string in_numbers(const std::vector<flow::Finding>& report) {
  const auto errors = std::ranges::count(report, flow::Severity::kError, &flow::Finding::severity);
  const auto warnings = std::ranges::count(report, flow::Severity::kWarning, &flow::Finding::severity);
  std::vector<std::string> parts;
  if (errors > 0) parts.push_back(counted(errors, "error", "errors"));
  if (warnings > 0) parts.push_back(counted(warnings, "warning", "warnings"));
  const std::ptrdiff_t others = std::ssize(report) - errors - warnings;
  if (others > 0) parts.push_back(counted(others, "remark", "remarks"));
  return parts.empty() ? "nothing to report" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace sluice::cli
