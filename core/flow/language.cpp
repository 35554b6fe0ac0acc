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

}  // namespace

const Json& localised(const Json& content, const Json& state, const Json& settings, Json& merged) {
  const Json* translations = find(content, "translations");
  if (translations == nullptr) return content;
  for (const auto language : {text_at(state, "context.language"), text_at(state, "context.locale"),
                              text_at(state, "user.language"), string_member(settings, "default_language")}) {
    const Json* over = language.empty() ? nullptr : translation(*translations, language);
    if (over == nullptr) continue;
    merged = clone(content);
    deep_merge(merged, *over);
    return merged;
  }
  return content;
}

}  // namespace sluice::flow
