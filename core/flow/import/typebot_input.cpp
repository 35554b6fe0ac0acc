// Typebot's input blocks as question nodes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

struct InputKind {
  std::string_view block;
  std::string_view input_type;
  std::string_view prompt;  // what Typebot shows in the empty field
};
constexpr std::array<InputKind, 10> kInputs{{{"text input", "text", "Type your answer..."},
                                             {"number input", "number", "Type a number..."},
                                             {"email input", "email", "Type your email..."},
                                             {"url input", "url", "Type a URL..."},
                                             {"date input", "date", "Pick a date"},
                                             {"phone number input", "phone", "Type your phone number..."},
                                             {"rating input", "number", "Choose a number"},
                                             {"file input", "file", "Upload a file"},
                                             {"choice input", "choice", "Choose one"},
                                             {"picture choice input", "image_choice", "Choose one"}}};

const InputKind* kind_of(std::string_view block) {
  const auto* found = std::ranges::find(kInputs, block, &InputKind::block);
  return found == kInputs.end() ? nullptr : found;
}

std::string_view label_of(const Json& options, std::string_view key) {
  const Json* labels = find(options, "labels");
  return labels == nullptr ? std::string_view() : string_member(*labels, key);
}

void copy_number(const Json& options, std::string_view from, Json& target, std::string_view to) {
  const Json* number = find(options, from);
  if (number != nullptr && number->IsNumber()) set(target, to, clone(*number));
}

void add_rating(const Json& options, Json& content, Json& validation) {
  constexpr int kStars = 10;
  const bool icons = string_member(options, "buttonType") == "Icons";
  set(validation, "min", Json(icons ? 1 : 0));
  set(validation, "max", Json(kStars));
  copy_number(options, "startsAt", validation, "min");
  copy_number(options, "length", validation, "max");
  Json rating = object_of({{"icon", icons ? "star" : "number"}});
  for (const std::string_view end : {"left", "right"}) {
    if (!label_of(options, end).empty()) set(rating, end, label_of(options, end));
  }
  set(content, "rating", std::move(rating));
}

Json plain_option(const Json& item, const TypebotScope& scope) {
  return make_string(scope.rewrite(string_member(item, "content")));
}

Json picture_option(const Json& item, const TypebotScope& scope) {
  const std::string title = scope.rewrite(string_member(item, "title"));
  Json option = object_of({{"label", title}, {"value", title}});
  if (!string_member(item, "pictureSrc").empty())
    set(option, "image", scope.rewrite(string_member(item, "pictureSrc")));
  if (!string_member(item, "description").empty()) {
    set(option, "description", scope.rewrite(string_member(item, "description")));
  }
  return option;
}

void add_choices(const Json& block, const Json& options, bool pictures, Json& content, const TypebotScope& scope) {
  Json list = make_array();
  const Json* items = find(block, "items");
  if (items != nullptr && items->IsArray()) {
    for (std::size_t i = 0; i < items->Size(); ++i) {
      const Json& item = (*items)[static_cast<rapidjson::SizeType>(i)];
      push(list, pictures ? picture_option(item, scope) : plain_option(item, scope));
      const Json* condition = find(item, "displayCondition");
      if (condition != nullptr && is_true(*condition, "isEnabled")) {
        scope.draft.note(at(scope.path, "items", i), Severity::kWarning,
                         "the option's display condition has no counterpart here: the option is always shown");
      }
    }
  }
  if (const TypebotVariable* source = scope.variables.by_id(string_member(options, "dynamicVariableId"))) {
    list = make_string("{{" + source->path + "}}");
    scope.note(Severity::kInfo, fmt::format("the options come from the list in {}", source->path));
  } else if (list.Empty()) {
    scope.note(Severity::kError, "the choice has no items");
  }
  set(content, "options", std::move(list));
  if (is_true(options, "isMultipleChoice")) set(content, "input_type", "multi_choice");
}

void report_what_is_left_out(std::string_view block, const Json& options, const TypebotScope& scope) {
  if (block == "number input" && find(options, "step") != nullptr) {
    scope.note(Severity::kWarning, "the number's step is not enforced here");
  }
  if (block == "date input" && is_true(options, "isRange")) {
    scope.note(Severity::kWarning, "a range of dates is asked for as one date");
  }
  if (block == "date input" && is_true(options, "hasTime"))
    scope.note(Severity::kWarning, "only the date is asked for, without a time");
  if (block == "file input" && is_true(options, "isMultipleAllowed"))
    scope.note(Severity::kWarning, "one file is accepted, not several");
}

}  // namespace

bool is_input(std::string_view type) {
  return kind_of(type) != nullptr;
}

Json question_content(const Json& block, std::string_view text, const TypebotScope& scope) {
  static const Json kNothing = make_object();
  const std::string_view type = string_member(block, "type");
  const InputKind& kind = *kind_of(type);
  const Json* found = find(block, "options");
  const Json& options = found != nullptr && found->IsObject() ? *found : kNothing;

  std::string question(text);
  if (question.empty()) {
    question = scope.rewrite(label_of(options, "placeholder"));
    if (question.empty()) question = kind.prompt;
    scope.note(Severity::kInfo, fmt::format("no text stands before this input: it asks '{}'", question));
  }
  Json content = object_of({{"question", question}, {"input_type", kind.input_type}});
  Json validation = make_object();
  if (type == "rating input") add_rating(options, content, validation);
  if (type == "choice input" || type == "picture choice input") {
    add_choices(block, options, type == "picture choice input", content, scope);
  }
  if (type == "number input") {
    copy_number(options, "min", validation, "min");
    copy_number(options, "max", validation, "max");
  }
  if (const auto retry = string_member(options, "retryMessageContent"); !retry.empty()) {
    set(validation, "error_message", scope.rewrite(retry));
  }
  if (const TypebotVariable* variable = scope.variables.of_block(block)) set(content, "variable", variable->path);
  if (validation.MemberCount() > 0) set(content, "validation", std::move(validation));
  if (!label_of(options, "placeholder").empty())
    set(content, "placeholder", scope.rewrite(label_of(options, "placeholder")));
  report_what_is_left_out(type, options, scope);
  return content;
}

}  // namespace sluice::flow::importing
