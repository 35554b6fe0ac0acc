#include "core/flow/question.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <expected>
#include <optional>

#include "core/flow/answer_types.h"
#include "core/flow/choice.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

const Json* validation_rule(const Json& content, std::string_view name) {
  const Json* validation = find(content, "validation");
  const Json* rule = validation != nullptr ? find(*validation, name) : nullptr;
  return rule != nullptr && !rule->IsNull() ? rule : find(content, name);
}

bool is_blank(const Json& value) {
  return value.IsNull() || (value.IsString() && trimmed(text_of(value)).empty()) || (value.IsArray() && value.Empty());
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// -1, 0 or 1; none when the two do not compare.
std::optional<int> compared(const Json& value, const Json& bound) {
  if (value.IsNumber() && bound.IsNumber()) {
    return value.GetDouble() < bound.GetDouble() ? -1 : value.GetDouble() > bound.GetDouble() ? 1 : 0;
  }
  if (value.IsString() && bound.IsString()) return text_of(value).compare(text_of(bound));
  if (value.IsArray() && bound.IsNumber()) return compared(Json(static_cast<double>(value.Size())), bound);
  return std::nullopt;
}

using Check = std::expected<void, std::string>;

Check check_bounds(const Json& content, const Json& value) {
  const char* of_list = value.IsArray() ? " choices" : "";
  if (const Json* min = validation_rule(content, "min")) {
    if (compared(value, *min).value_or(0) < 0) {
      return std::unexpected(fmt::format("Please give at least {}{}.",
                                         min->IsString() ? std::string(text_of(*min)) : to_text(*min), of_list));
    }
  }
  if (const Json* max = validation_rule(content, "max")) {
    if (compared(value, *max).value_or(0) > 0) {
      return std::unexpected(fmt::format("Please give at most {}{}.",
                                         max->IsString() ? std::string(text_of(*max)) : to_text(*max), of_list));
    }
  }
  return {};
}

Check check_text(const Node& node, const Json& content, const Json& value) {
  if (value.IsObject() || value.IsArray()) return {};
  const std::string text = value.IsString() ? std::string(text_of(value)) : to_text(value);
  const auto length = static_cast<std::int64_t>(code_points(text));
  if (const Json* min = validation_rule(content, "min_length");
      min != nullptr && min->IsInt64() && length < min->GetInt64()) {
    return std::unexpected(fmt::format("Please use at least {} characters.", min->GetInt64()));
  }
  if (const Json* max = validation_rule(content, "max_length");
      max != nullptr && max->IsInt64() && length > max->GetInt64()) {
    return std::unexpected(fmt::format("Please use at most {} characters.", max->GetInt64()));
  }
  if (node.pattern != nullptr && !re2::RE2::PartialMatch(text, *node.pattern)) {
    return std::unexpected("Please check the format of your answer.");
  }
  return {};
}

bool is_required(const Json& content, bool choice) {
  const Json* required = validation_rule(content, "required");
  return required != nullptr && required->IsBool() ? required->GetBool() : choice;
}

// The answer as it is stored, or the default text of what is wrong with it.
std::expected<Accepted, std::string> understood(const Json& content, const Json& state, const Json& input) {
  const auto type = input_type(content);
  const Json options = rendered_options(content, state);
  const bool one = type == "choice" || type == "image_choice" || type == "buttons";
  if (options.Size() > 0 && one) return chosen_one(options, input);
  if (options.Size() > 0 && type == "multi_choice") return chosen_many(options, input);
  auto value = typed_answer(type, input_value(input));
  if (!value) return std::unexpected(value.error());
  return Accepted{std::move(*value), {}};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view input_type(const Json& content) {
  const auto type = string_member(content, "input_type");
  if (!type.empty()) return type;
  const bool choice = find(content, "options") != nullptr || find(content, "choices") != nullptr;
  return choice ? "choice" : "text";
}

Json input_value(const Json& input) {
  if (!input.IsObject()) return clone(input);
  for (const char* member : {"value", "text", "payload"}) {
    if (const Json* value = find(input, member)) return clone(*value);
  }
  return clone(input);
}

std::string input_text(const Json& input) {
  const Json value = input_value(input);
  return value.IsString()                     ? std::string(text_of(value))
         : value.IsNumber() || value.IsBool() ? to_text(value)
                                              : std::string();
}

Json rendered_options(const Json& content, const Json& state) {
  for (const char* member : {"options", "choices", "buttons"}) {
    const Json* written = find(content, member);
    if (written == nullptr) continue;
    Json options = render_value(*written, state, Unresolved::kDrop);
    if (options.IsArray()) return options;
  }
  return make_array();
}

std::variant<Accepted, Rejected> judge(const Node& node, const Json& content, const Json& state, const Json& input) {
  const Json* own = validation_rule(content, "error_message");
  const auto rejected = [&](std::string problem) {
    return Rejected{own != nullptr && own->IsString() ? render(text_of(*own), state, Unresolved::kDrop)
                                                      : std::move(problem)};
  };
  const Json value = input_value(input);
  const bool choice = rendered_options(content, state).Size() > 0;
  if (is_blank(value)) {
    if (is_required(content, choice)) return rejected("Please give an answer.");
    return Accepted{clone(value), {}};
  }
  auto accepted = understood(content, state, input);
  if (!accepted) return rejected(accepted.error());
  if (const Json* type = validation_rule(content, "type"); type != nullptr && type->IsString() && !choice) {
    auto typed = typed_answer(text_of(*type), accepted->value);
    if (!typed) return rejected(typed.error());
    accepted->value = std::move(*typed);
  }
  if (auto bounds = check_bounds(content, accepted->value); !bounds) return rejected(bounds.error());
  if (auto text = check_text(node, content, accepted->value); !text) return rejected(text.error());
  return std::move(*accepted);
}

}  // namespace sluice::flow
