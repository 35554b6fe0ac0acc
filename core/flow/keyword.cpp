#include "core/flow/keyword.h"

#include <re2/re2.h>

#include "core/flow/condition_part.h"
#include "core/flow/question.h"

namespace sluice::flow {
namespace {

bool same_word(std::string_view keyword, std::string_view word) {
  return re2::RE2::FullMatch(re2::StringPiece(word.data(), word.size()), *case_blind(keyword));
}

std::optional<GlobalAction> action_from(const Json& entry) {
  const auto name = entry.IsString() ? text_of(entry) : string_member(entry, "action");
  std::string node(string_member(entry, "node"));
  if (name == "restart") return GlobalAction{GlobalAction::Kind::kRestart, {}};
  if (name == "escalate") return GlobalAction{GlobalAction::Kind::kEscalate, std::move(node)};
  if (name == "end") return GlobalAction{GlobalAction::Kind::kEnd, {}};
  if ((name == "goto" || name.empty()) && !node.empty())
    return GlobalAction{GlobalAction::Kind::kGoto, std::move(node)};
  return std::nullopt;
}

bool has_keyword(const Json& entry, std::string_view word) {
  const Json* keywords = find(entry, "keywords");
  if (keywords == nullptr || !keywords->IsArray()) return same_word(string_member(entry, "keyword"), word);
  for (const auto& keyword : keywords->GetArray()) {
    if (keyword.IsString() && same_word(text_of(keyword), word)) return true;
  }
  return false;
}

}  // namespace

std::optional<GlobalAction> global_action(const Json& settings, const Json& input) {
  const Json* actions = find(settings, "global_actions");
  if (actions == nullptr) return std::nullopt;
  const std::string typed = input_text(input);
  const auto word = trimmed(typed);
  if (word.empty()) return std::nullopt;
  if (actions->IsArray()) {
    for (const auto& entry : actions->GetArray()) {
      if (has_keyword(entry, word)) return action_from(entry);
    }
  } else if (actions->IsObject()) {
    for (const auto& member : actions->GetObject()) {
      if (same_word(text_of(member.name), word)) return action_from(member.value);
    }
  }
  return std::nullopt;
}

}  // namespace sluice::flow
