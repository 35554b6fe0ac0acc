// Templates (FLOW 4): {{scope.path}} in texts and JSON values. The innermost pair of double braces is the reference;
// what a reference gave is never looked at again. {{secret:key}} stays unresolved here: secrets.h puts secrets in at
// dispatch.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"

namespace sluice::flow {

// What becomes of a reference that leads nowhere, or to null, inside a text.
enum class Unresolved { kKeep, kDrop };

[[nodiscard]] std::string render(std::string_view text, const Json& state, Unresolved unresolved);

// A URL: a reference in its path, query or fragment is percent-encoded, one in scheme or authority is not. What is
// unresolved is dropped. In a request's URL {{secret:key}} becomes a mark that secrets.h knows; a URL that is shown has
// no secrets.
[[nodiscard]] std::string render_url(std::string_view text, const Json& state);
[[nodiscard]] std::string render_shown_url(std::string_view text, const Json& state);

// A JSON value, member by member; keys are no templates. A string that is exactly one reference takes the value and its
// type; when that is unresolved it stays as it is (kKeep) or becomes null (kDrop).
[[nodiscard]] Json render_value(const Json& value, const Json& state, Unresolved unresolved = Unresolved::kKeep);

// As render and render_value, for what leaves for a foreign service: {{secret:key}} becomes a mark that secrets.h
// knows, which no value of the state can forge. Unresolved references are dropped from texts.
[[nodiscard]] std::string render_outgoing(std::string_view text, const Json& state);
[[nodiscard]] Json render_outgoing_value(const Json& value, const Json& state);

// A value that is no template, but for the characters that mark secrets, so that it cannot pose as one.
[[nodiscard]] Json outgoing_copy(const Json& value);

// The inside of a text that is exactly one reference, trimmed; empty when it is not.
[[nodiscard]] std::string_view sole_reference(std::string_view text);

// Whether there is anything to render.
[[nodiscard]] inline bool has_reference(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

}  // namespace sluice::flow
