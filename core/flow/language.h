// Languages (FLOW 6): a node's content, a message in it and a content by id may hold "translations": {"fr": {…},
// "fr-CA": {…}}, merged over it for sessions in that language. The session's language is context.language,
// context.locale or user.language, else settings.default_language; a regional language falls back to its base, an
// untranslated one to the content itself.
#pragma once

#include "core/base/json.h"

namespace sluice::flow {

// The content to use: `content` itself, or `merged` filled with its translation.
[[nodiscard]] const Json& localised(const Json& content, const Json& state, const Json& settings, Json& merged);

}  // namespace sluice::flow
