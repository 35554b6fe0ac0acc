#include "core/flow/message.h"

#include <algorithm>
#include <array>

#include "core/flow/language.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

constexpr std::array<std::string_view, 8> kTexts{"text", "caption", "title",       "subtitle",
                                                 "alt",  "label",   "description", "placeholder"};
constexpr std::array<std::string_view, 4> kUrls{"url", "image_url", "link", "src"};

template <std::size_t kCount>
bool among(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Json rendered_fields(const Json& value, const Json& state);

Json rendered_field(std::string_view name, const Json& value, const Json& state) {
  if (value.IsString() && among(kTexts, name)) return make_string(render(text_of(value), state, Unresolved::kDrop));
  // A reference that is the whole URL stands for one as it is.
  if (value.IsString() && among(kUrls, name) && sole_reference(text_of(value)).empty()) {
    return make_string(render_shown_url(text_of(value), state));
  }
  if (value.IsString()) return render_value(value, state, Unresolved::kDrop);
  return rendered_fields(value, state);
}

Json rendered_fields(const Json& value, const Json& state) {
  if (value.IsArray()) {
    Json list = make_array();
    for (const auto& item : value.GetArray()) push(list, rendered_field({}, item, state));
    return list;
  }
  if (!value.IsObject()) return clone(value);
  Json object = make_object();
  for (const auto& member : value.GetObject()) {
    const auto name = text_of(member.name);
    object.AddMember(clone(member.name), rendered_field(name, member.value, state), json_allocator());
  }
  return object;
}

}  // namespace

std::expected<Json, std::string> rendered_message(const Json& message, Contents& contents) {
  if (message.IsString()) {
    Json text = make_object();
    set(text, "type", "text");
    set(text, "text", render(text_of(message), contents.state(), Unresolved::kDrop));
    return text;
  }
  if (!message.IsObject()) return std::unexpected("a message is neither a text nor an object");
  Json merged;
  const Json* source = &message;
  if (const auto written = string_member(message, "content_id"); !written.empty()) {
    const std::string id = render(written, contents.state(), Unresolved::kDrop);
    auto found = contents.find(id);
    if (!found && string_member(message, "text").empty()) return std::unexpected(found.error());
    if (found) {
      merged = std::move(*found);
      set(merged, "content_id", id);
      source = &merged;
    }
  }
  Json translated;
  const Json& shown = localised(*source, contents.state(), contents.settings(), translated);
  Json rendered = rendered_fields(shown, contents.state());
  rendered.RemoveMember("translations");
  if (string_member(rendered, "type").empty()) set(rendered, "type", "text");
  return rendered;
}

std::expected<std::vector<Json>, std::string> rendered_messages(const Json& content, Contents& contents) {
  std::vector<Json> messages;
  const Json* list = find(content, "messages");
  if (list == nullptr || !list->IsArray()) {
    auto only = rendered_message(content, contents);
    if (!only) return std::unexpected(only.error());
    messages.push_back(std::move(*only));
    return messages;
  }
  for (const auto& entry : list->GetArray()) {
    auto message = rendered_message(entry, contents);
    if (!message) return std::unexpected(message.error());
    messages.push_back(std::move(*message));
  }
  return messages;
}

std::expected<Json, std::string> question_message(const Json& content, Contents& contents) {
  const Json* question = find(content, "question");
  if (question == nullptr) question = find(content, "text");
  if (question == nullptr && find(content, "content_id") != nullptr) question = &content;
  if (question == nullptr) return rendered_message(make_string(""), contents);
  return rendered_message(*question, contents);
}

}  // namespace sluice::flow
