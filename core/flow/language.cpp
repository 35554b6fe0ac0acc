#include "core/flow/language.h"

#include <string>

#include "core/flow/path.h"

namespace sluice::flow {
namespace {

std::string_view text_at(const Json& state, std::string_view path) {
  const Json* value = resolve(state, path);
  return value != nullptr && value->IsString() ? text_of(*value) : std::string_view{};
}

const Json* translation(const Json& translations, std::string_view language) {
  if (const Json* exact = find(translations, language)) return exact;
  const auto region = language.find_first_of("-_");
  return region == std::string_view::npos ? nullptr : find(translations, language.substr(0, region));
}

// What is to be merged over the content; nothing when it stays as it is.
const Json* wanted_translation(const Json& content, const Json& state, const Json& settings) {
  const Json* translations = find(content, "translations");
  if (translations == nullptr) return nullptr;
  for (const auto language : {text_at(state, "context.language"), text_at(state, "context.locale"),
                              text_at(state, "user.language"), string_member(settings, "default_language")}) {
    if (language.empty()) continue;
    if (const Json* found = translation(*translations, language)) return found;
  }
  return nullptr;
}

}  // namespace

const Json& localised(const Json& content, const Json& state, const Json& settings, Json& merged) {
  const Json* over = wanted_translation(content, state, settings);
  if (over == nullptr) return content;  // NOLINT(bugprone-return-const-ref-from-parameter): as the header promises
  merged = clone(content);
  deep_merge(merged, *over);
  return merged;
}

}  // namespace sluice::flow
