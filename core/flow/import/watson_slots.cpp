#include "core/flow/import/watson_slots.h"

#include <fmt/format.h>

#include "core/flow/import/watson_output.h"

namespace sluice::flow::importing {
namespace {

std::string_view event_of(const WatsonNode& handler) {
  return string_member(*handler.json, "event_name");
}

// The kind of answer that the handler's condition expects.
std::string_view input_type_for(std::string_view condition) {
  if (condition.find("@sys-number") != std::string_view::npos ||
      condition.find("@sys-currency") != std::string_view::npos)
    return "number";
  if (condition.find("@sys-date") != std::string_view::npos) return "date";
  return "text";
}

std::string first_text(const Json& messages) {
  for (const Json& message : messages.GetArray()) {
    if (string_member(message, "type") == "text") return std::string(string_member(message, "text"));
  }
  return {};
}

struct Slot {
  std::string variable;
  std::string prompt;
  std::string error_message;
  const WatsonNode* input = nullptr;
  std::vector<const WatsonNode*> filled;
};

Slot read_slot(const WatsonTree& tree, const WatsonNode& node, WatsonLanguage& language) {
  Slot slot;
  std::string_view name = string_member(*node.json, "variable");
  if (name.starts_with('$')) name.remove_prefix(1);
  if (safe_variable(name)) slot.variable = "variables." + std::string(name);
  for (const std::size_t index : node.handlers) {
    const WatsonNode& handler = tree.nodes()[index];
    const std::string_view event = event_of(handler);
    if (event == "focus") {
      slot.prompt = first_text(read_output(*handler.json, language, handler.path).messages);
    } else if (event == "nomatch") {
      slot.error_message = first_text(read_output(*handler.json, language, handler.path).messages);
    } else if (event == "input") {
      slot.input = &handler;
    } else if (event == "filled") {
      slot.filled.push_back(&handler);
    } else {
      language.note(handler.path, Severity::kWarning,
                    fmt::format("a handler for '{}' has no counterpart here and is left out", event));
    }
  }
  return slot;
}

Json question_of(const Slot& slot) {
  const std::string_view condition =
      slot.input == nullptr ? std::string_view() : string_member(*slot.input->json, "conditions");
  Json content =
      object_of({{"question", slot.prompt}, {"input_type", input_type_for(condition)}, {"variable", slot.variable}});
  if (!slot.error_message.empty()) set(content, "validation", object_of({{"error_message", slot.error_message}}));
  return content;
}

// What the input handler remembers besides the slot's own variable.
Json other_values(const Slot& slot, WatsonLanguage& language) {
  Json actions = make_array();
  push(actions,
       object_of({{"type", "calculate"}, {"variable", kSaid}, {"expression", "string(" + slot.variable + ")"}}));
  if (slot.input == nullptr) return actions;
  WatsonSpeech speech = read_output(*slot.input->json, language, slot.input->path);
  for (Json& action : speech.actions.GetArray()) {
    if (string_member(action, "variable") != slot.variable) push(actions, Json(std::move(action)));
  }
  return actions;
}

// The handlers of a filled slot, in order; the first whose condition holds answers, and asks again or goes on to
// `done`.
void emit_filled(const Slot& slot, const std::string& question, const std::string& done, WatsonLanguage& language,
                 WatsonChain& chain) {
  if (slot.filled.empty()) return;
  Json entries = make_array();
  std::vector<std::string> targets;
  std::vector<std::pair<std::string, const WatsonNode*>> answers;
  Draft& draft = chain.draft();
  for (const WatsonNode* handler : slot.filled) {
    Json entry = make_object();
    const std::string_view condition = string_member(*handler->json, "conditions", "true");
    // The slot is filled, so asking whether its own entity was found is asking for what is known.
    const bool own = slot.input != nullptr && condition == string_member(*slot.input->json, "conditions");
    set(entry, "if", own ? make_string("true") : language.condition(condition, handler->path));
    set(entry, "then", fmt::format("${}", targets.size()));
    push(entries, std::move(entry));
    targets.push_back(draft.reserve(question + "_filled"));
    answers.emplace_back(targets.back(), handler);
  }
  chain.branch(std::move(entries), targets);
  for (const auto& [id, handler] : answers) {
    WatsonSpeech speech = read_output(*handler->json, language, handler->path);
    const Json* step = find(*handler->json, "next_step");
    const bool again = step != nullptr && string_member(*step, "behavior") == "reprompt";
    WatsonChain answer(draft, id, handler->id);
    if (!speech.actions.Empty()) answer.act(std::move(speech.actions));
    if (!speech.messages.Empty()) answer.say(std::move(speech.messages));
    answer.lead_to(again ? question : done);
  }
}

}  // namespace

void emit_slots(const WatsonTree& tree, const WatsonNode& frame, WatsonLanguage& language, WatsonChain& chain) {
  for (const std::size_t index : frame.slots) {
    const WatsonNode& node = tree.nodes()[index];
    const Slot slot = read_slot(tree, node, language);
    if (slot.variable.empty()) {
      language.note(node.path, Severity::kError, "the slot names no variable that is possible here and is left out");
      continue;
    }
    if (slot.prompt.empty()) {
      language.note(node.path, Severity::kWarning,
                    fmt::format("the slot for {} never asks, it only listens; only slots that ask are carried over",
                                slot.variable));
      continue;
    }
    Json known = make_object();
    Json test = object_of({{"var", slot.variable}});
    set(test, "is_set", Json(true));
    set(known, "if", std::move(test));
    set(known, "then", "$0");
    const std::string question = chain.draft().reserve(chain.first() + "_" + slot.variable.substr(10));
    const std::string done = chain.draft().reserve(question + "_done");
    chain.branch(array_of(std::move(known)), {done});
    chain.name_next(question);
    chain.question(question_of(slot));
    chain.act(other_values(slot, language));
    emit_filled(slot, question, done, language, chain);
    chain.name_next(done);
  }
}

}  // namespace sluice::flow::importing
