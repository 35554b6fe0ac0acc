#include "core/flow/choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

namespace sluice::flow {
namespace {

constexpr std::size_t kMaxAnswers = 1000;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return out;
}

// Whether an answer is one of the option's names: equal as a value, or as text.
bool names(const Json& option, const Json& answer, bool any_case) {
  const auto same = [&](const Json& name) {
    if (equal(name, answer)) return true;
    if (name.IsObject() || name.IsArray() || name.IsNull() || answer.IsObject() || answer.IsArray()) return false;
    const std::string left(name.IsString() ? std::string(text_of(name)) : to_text(name));
    const std::string right(answer.IsString() ? std::string(trimmed(text_of(answer))) : to_text(answer));
    return any_case ? lower(left) == lower(right) : left == right;
  };
  if (same(option)) return true;
  if (!option.IsObject()) return false;
  for (const char* member : {"value", "payload", "label", "text"}) {
    const Json* name = find(option, member);
    if (name != nullptr && same(*name)) return true;
  }
  return false;
}

// The N of "$N".
std::optional<std::size_t> dollar(std::string_view text) {
  std::size_t index = 0;
  if (!text.starts_with('$')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

std::optional<std::size_t> index_of(const Json& options, const Json& answer) {
  for (const bool any_case : {false, true}) {
    for (rapidjson::SizeType i = 0; i < options.Size(); ++i) {
      if (names(options[i], answer, any_case)) return i;
    }
  }
  if (answer.IsString()) {
    if (const auto index = dollar(trimmed(text_of(answer))); index && *index < options.Size()) return index;
  }
  return std::nullopt;
}

std::vector<std::string> edges_of(const Json& option, std::size_t index) {
  std::vector<std::string> labels;
  const auto payload = string_member(option, "payload");
  if (dollar(payload)) labels.emplace_back(payload);
  labels.push_back(fmt::format("${}", index));
  return labels;
}

std::string offer(const Json& options) {
  std::string out;
  for (const auto& option : options.GetArray()) {
    const Json* label = option.IsObject() ? find(option, "label") : &option;
    if (label == nullptr) label = find(option, "text");
    if (label == nullptr) label = find(option, "value");
    if (label == nullptr || out.size() > 300) continue;
    out.append(out.empty() ? "" : ", ").append(label->IsString() ? std::string(text_of(*label)) : to_text(*label));
  }
  return "Please choose one of: " + out + ".";
}

// The answers as given: one for each item of a list, or each part of a text.
Json answers_of(const Json& options, const Json& value) {
  if (value.IsArray()) return clone(value);
  Json answers = make_array();
  if (!value.IsString() || index_of(options, value)) {
    push(answers, clone(value));
    return answers;
  }
  std::string_view rest = text_of(value);
  while (!rest.empty() && answers.Size() <= kMaxAnswers) {
    const auto comma = rest.find(',');
    const auto part = trimmed(rest.substr(0, comma));
    if (!part.empty()) push(answers, make_string(part));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return answers;
}

}  // namespace

std::expected<Accepted, std::string> chosen_one(const Json& options, const Json& input) {
  std::optional<std::size_t> index;
  if (const Json* payload = find(input, "payload")) index = index_of(options, *payload);
  if (!index) index = index_of(options, input_value(input));
  if (!index && input.IsObject()) {
    if (const Json* text = find(input, "text")) index = index_of(options, *text);
  }
  if (!index) return std::unexpected(offer(options));
  const Json& option = options[static_cast<rapidjson::SizeType>(*index)];
  return Accepted{clone(option), edges_of(option, *index)};
}

std::expected<Accepted, std::string> chosen_many(const Json& options, const Json& input) {
  const Json answers = answers_of(options, input_value(input));
  if (answers.Size() > kMaxAnswers) return std::unexpected(offer(options));
  std::vector<bool> chosen(options.Size(), false);
  for (const auto& answer : answers.GetArray()) {
    const auto index = index_of(options, answer);
    if (!index) return std::unexpected(offer(options));
    chosen[*index] = true;
  }
  Accepted accepted{make_array(), {}};
  for (rapidjson::SizeType i = 0; i < options.Size(); ++i) {
    if (!chosen[i]) continue;
    push(accepted.value, clone(options[i]));
    for (auto& label : edges_of(options[i], i)) accepted.labels.push_back(std::move(label));
  }
  return accepted;
}

}  // namespace sluice::flow
