#include "core/flow/import/import.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/flow/import/formats.h"

namespace sluice::flow {
namespace {

constexpr std::array<std::pair<std::string_view, Format>, 5> kFormats{{{"sluice", Format::kSluice},
                                                                       {"typebot", Format::kTypebot},
                                                                       {"watson", Format::kWatson},
                                                                       {"landbot", Format::kLandbot},
                                                                       {"rapidpro", Format::kRapidpro}}};

}  // namespace

std::string_view to_text(Format format) {
  return std::ranges::find(kFormats, format, &std::pair<std::string_view, Format>::second)->first;
}

std::optional<Format> format_from(std::string_view text) {
  const auto* found = std::ranges::find(kFormats, text, &std::pair<std::string_view, Format>::first);
  if (found == kFormats.end()) return std::nullopt;
  return found->second;
}

Imported import_flow(const Json& document, Format format) {
  switch (format) {
    case Format::kSluice:
      return importing::import_sluice(document);
    case Format::kTypebot:
      return importing::import_typebot(document);
    case Format::kWatson:
      return importing::import_watson(document);
    case Format::kLandbot:
      return importing::import_landbot(document);
    case Format::kRapidpro:
      return importing::import_rapidpro(document);
  }
  return importing::import_sluice(document);
}

bool has_errors(const std::vector<Note>& report) {
  return std::ranges::any_of(report, [](const Note& note) { return note.severity == Severity::kError; });
}

}  // namespace sluice::flow
