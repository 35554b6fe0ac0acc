#include "core/flow/import/landbot_nodes.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/flow/import/cel_text.h"

namespace sluice::flow::importing {
namespace {

constexpr std::array<Picker, 9> kPickers{{{"__text__", "text"},
                                          {"__email__", "email"},
                                          {"__name__", "text"},
                                          {"__phone__", "phone"},
                                          {"__number__", "number"},
                                          {"__date__", "date"},
                                          {"__url__", "url"},
                                          {"__file__", "file"},
                                          {"__choice__", "choice"}}};

}  // namespace

const Picker* picker_of(const Json& node) {
  const auto* found = std::ranges::find(kPickers, string_member(node, "function"), &Picker::function);
  return found == kPickers.end() ? nullptr : found;
}

bool is_virtual(const Json& node) {
  const Json* flag = find(node, "virtual");
  return flag != nullptr && flag->IsTrue();
}

bool is_message(const Json& node) {
  return string_member(node, "function") == "__send_message__";
}

const Json* nodes_of(const Json& document) {
  const Json* candidate = find(document, "diagram");
  candidate = candidate == nullptr ? &document : candidate;
  if (const Json* nodes = find(*candidate, "nodes")) candidate = nodes;
  if (!candidate->IsObject()) return nullptr;
  const bool any = std::ranges::any_of(
      candidate->GetObject(), [](const auto& member) { return !string_member(member.value, "function").empty(); });
  return any ? candidate : nullptr;
}

std::string way(const Json& node, std::string_view name) {
  const Json* next = find(node, "next");
  return next == nullptr ? std::string() : std::string(string_member(*next, name));
}

std::string field_of(const Json& node) {
  std::string_view field = string_member(node, "field");
  if (field == "custom" || field.empty())
    field = string_member(node, "custom_field", field == "custom" ? std::string_view() : field);
  return slug(field);
}

std::string text_of_landbot(std::string_view given, const Fields& fields, Draft& draft, const std::string& id) {
  std::string plain;
  for (;;) {
    const std::size_t open = given.find("{html}");
    const std::size_t close = open == std::string_view::npos ? open : given.find("{/html}", open);
    if (close == std::string_view::npos) break;
    plain += given.substr(0, open);
    given.remove_prefix(close + 7);
    draft.note(id, Severity::kWarning, "HTML inside the text is left out: it belongs to Landbot's page");
  }
  plain += given;
  std::string result;
  for (std::size_t i = 0; i < plain.size();) {
    std::size_t end = i + 1;
    while (plain[i] == '@' && end < plain.size() &&
           (std::isalnum(static_cast<unsigned char>(plain[end])) != 0 || plain[end] == '_'))
      ++end;
    const std::string field = slug(std::string_view(plain).substr(i + 1, end - i - 1));
    if (plain[i] == '@' && fields.contains(field)) {
      result += "{{variables." + field + "}}";
    } else {
      result.append(plain, i, end - i);
    }
    i = end;
  }
  return std::string(stripped(result));
}

Json landbot_position(const Json& node) {
  Json coordinates = make_object();
  for (const auto& [from, to] : {std::pair{"left", "x"}, std::pair{"top", "y"}}) {
    if (const Json* value = find(node, from)) set(coordinates, to, clone(*value));
  }
  return position_of(&coordinates);
}

}  // namespace sluice::flow::importing
