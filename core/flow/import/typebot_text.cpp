// Typebot's rich text and bubbles.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

constexpr int kDeepest = 32;

void append_children(RichText& out, const Json& element, int depth);

void append_element(RichText& out, const Json& element, int depth) {
  if (const Json* text = find(element, "text"); text != nullptr && text->IsString()) {
    std::string marked(text_of(*text));
    const bool blank = stripped(marked).empty();
    const auto mark = [&](std::string_view key, std::string_view sign) {
      if (!is_true(element, key) || blank) return;
      out.formatted = true;
      marked = fmt::format("{0}{1}{0}", sign, marked);
    };
    mark("bold", "**");
    mark("italic", "_");
    out.text += marked;
    return;
  }
  if (depth >= kDeepest) return;
  const std::string_view type = string_member(element, "type");
  const std::string_view url = string_member(element, "url");
  if (type == "a" && !url.empty()) {
    out.formatted = true;
    out.text += '[';
    append_children(out, element, depth);
    out.text += fmt::format("]({})", url);
    return;
  }
  const bool is_block = type == "p" || type == "li" || type == "blockquote" || type.starts_with('h');
  if (is_block && !out.text.empty() && !out.text.ends_with('\n') && !out.text.ends_with("- ")) out.text += '\n';
  if (type == "li") {
    out.formatted = true;
    out.text += "- ";
  }
  append_children(out, element, depth);
}

void append_children(RichText& out, const Json& element, int depth) {
  const Json* children = find(element, "children");
  if (children == nullptr || !children->IsArray()) return;
  for (const Json& child : children->GetArray()) append_element(out, child, depth + 1);
}

}  // namespace

void for_each_block(const Json& document, const std::function<void(const Json&)>& visit) {
  const Json* groups = find(document, "groups");
  if (groups == nullptr || !groups->IsArray()) return;
  for (const Json& group : groups->GetArray()) {
    const Json* blocks = find(group, "blocks");
    if (blocks == nullptr || !blocks->IsArray()) continue;
    for (const Json& block : blocks->GetArray()) visit(block);
  }
}

bool is_true(const Json& object, std::string_view key) {
  const Json* member = find(object, key);
  return member != nullptr && member->IsBool() && member->GetBool();
}

bool is_bubble(std::string_view type) {
  constexpr std::array<std::string_view, 6> kBubbles{"text", "image", "video", "embed", "audio", "code"};
  return std::ranges::find(kBubbles, type) != kBubbles.end();
}

std::string TypebotScope::rewrite(std::string_view text) const {
  return variables.rewrite(text, draft, path);
}

RichText read_rich_text(const Json& content) {
  RichText out;
  if (const Json* rich = find(content, "richText"); rich != nullptr && rich->IsArray()) {
    for (const Json& paragraph : rich->GetArray()) {
      if (&paragraph != rich->Begin()) out.text += '\n';
      append_element(out, paragraph, 0);
    }
  } else {
    out.text = string_member(content, "plainText", string_member(content, "html"));
  }
  return out;
}

Json bubble_message(const Json& block, const TypebotScope& scope) {
  const std::string_view type = string_member(block, "type");
  static const Json kNothing = make_object();
  const Json* found = find(block, "content");
  const Json& content = found == nullptr ? kNothing : *found;
  if (type == "text") {
    const RichText rich = read_rich_text(content);
    Json message = object_of({{"type", "text"}, {"text", scope.rewrite(rich.text)}});
    if (rich.formatted) set(message, "format", "markdown");
    return message;
  }
  Json message = object_of({{"type", type}});
  if (content.IsObject()) {
    for (const auto& member : content.GetObject()) {
      const std::string_view key = text_of(member.name);
      if (member.value.IsString() && key != "type") {
        set(message, key == "id" ? "media_id" : key, scope.rewrite(text_of(member.value)));
      } else if (member.value.IsNumber() || member.value.IsBool()) {
        set(message, key, clone(member.value));
      }
    }
  }
  if (string_member(message, "url").empty() && type != "code") {
    scope.note(Severity::kWarning, fmt::format("the {} bubble has no url", type));
  }
  return message;
}

}  // namespace sluice::flow::importing
