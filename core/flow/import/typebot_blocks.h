// Typebot's blocks: which are bubbles and which ask, their rich text, and the contents of the nodes they become.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

class TypebotVariables;

void for_each_block(const Json& document, const std::function<void(const Json&)>& visit);

[[nodiscard]] bool is_true(const Json& object, std::string_view key);
[[nodiscard]] bool is_bubble(std::string_view type);
[[nodiscard]] bool is_input(std::string_view type);

// What the contents of a node are made with: the bot's variables, the report, and where the block stands.
struct TypebotScope {
  const TypebotVariables& variables;
  Draft& draft;
  std::string path;

  [[nodiscard]] std::string rewrite(std::string_view text) const;
  void note(Severity severity, std::string message) const { draft.note(path, severity, std::move(message)); }
};

// Rich text as Markdown; `formatted` tells whether it has any marks.
struct RichText {
  std::string text;
  bool formatted = false;
};
[[nodiscard]] RichText read_rich_text(const Json& content);

// One entry of a message node's list, from a bubble.
[[nodiscard]] Json bubble_message(const Json& block, const TypebotScope& scope);

// A question node's content from an input block. `text` is the bubble above it, empty when there is none.
[[nodiscard]] Json question_content(const Json& block, std::string_view text, const TypebotScope& scope);

// One entry of an action node's list, from a Set variable block; null when it is JavaScript, which only a client can
// run.
[[nodiscard]] Json set_variable_action(const Json& block, const TypebotScope& scope);

// A script node's content, from a Script block or from a Set variable block whose expression is JavaScript.
[[nodiscard]] Json script_content(const Json& block, const TypebotScope& scope);

// A webhook node's content, from an HTTP request, Zapier, Make or Pabbly block with a URL.
[[nodiscard]] Json webhook_content(const Json& block, const TypebotScope& scope);

// The `if` of one item of a Condition block.
[[nodiscard]] Json condition_of(const Json& item, const TypebotScope& scope);

}  // namespace sluice::flow::importing
