// What a message node shows, and a question's text (FLOW 6): inline content or content by id, every field rendered.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/flow/content.h"

namespace sluice::flow {

// The messages of a node's content: its "messages" list, or the content itself as one. Each has a "type"; fields that
// are read as text (text, caption, title, …) become text, the others keep a sole reference's type. What is unresolved
// is dropped.
[[nodiscard]] std::expected<std::vector<Json>, std::string> rendered_messages(const Json& content, Contents& contents);

// One message, rendered as above.
[[nodiscard]] std::expected<Json, std::string> rendered_message(const Json& message, Contents& contents);

// The message that puts a question: its text from "question" (a text, {"text"} or {"content_id"}) or "text".
[[nodiscard]] std::expected<Json, std::string> question_message(const Json& content, Contents& contents);

}  // namespace sluice::flow
