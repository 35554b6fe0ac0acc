#include "core/flow/import/watson_chain.h"

#include <fmt/format.h>

#include "core/flow/import/watson_language.h"

namespace sluice::flow::importing {

void WatsonChain::add(std::string_view suffix, std::string_view type, Json content, std::string_view onward) {
  const std::string id = name_.empty() ? draft_.reserve(first_ + std::string(suffix)) : name_;
  name_.clear();
  if (!last_.empty()) lead_to(id);
  Json info = source_.empty() ? Json() : object_of({{"source_id", source_}});
  draft_.add_node(id, type, std::move(content), {}, std::move(info));
  last_ = id;
  onward_ = onward;
}

void WatsonChain::act(Json actions) {
  Json content = make_object();
  set(content, "actions", std::move(actions));
  add("_set", "action", std::move(content), "success");
}

void WatsonChain::say(Json messages) {
  Json content = make_object();
  set(content, "messages", std::move(messages));
  add("_say", "message", std::move(content), "default");
}

void WatsonChain::question(Json content) {
  add("_ask", "question", std::move(content), "default");
}

std::string WatsonChain::branch(Json entries, const std::vector<std::string>& targets) {
  Json content = make_object();
  set(content, "conditions", std::move(entries));
  set(content, "else", "default");
  add("_if", "condition", std::move(content), "default");
  for (std::size_t i = 0; i < targets.size(); ++i) draft_.connect(last_, fmt::format("${}", i), targets[i]);
  return last_;
}

void WatsonChain::pass_on() {
  branch(make_array(), {});
}

void WatsonChain::name_next(const std::string& id) {
  if (!name_.empty()) pass_on();
  name_ = id;
}

void WatsonChain::ask(const Json& messages, const std::string& target) {
  const bool spoken = !messages.Empty() && string_member(messages[messages.Size() - 1], "type") == "text";
  const rapidjson::SizeType before = messages.Size() - (spoken ? 1 : 0);
  if (before > 0) {
    Json said = make_array();
    for (rapidjson::SizeType i = 0; i < before; ++i) push(said, clone(messages[i]));
    say(std::move(said));
  }
  // A question without a text only listens.
  const std::string_view text = spoken ? string_member(messages[before], "text") : std::string_view();
  Json content = object_of({{"question", text}, {"input_type", "text"}, {"variable", kSaid}});
  question(std::move(content));
  lead_to(target);
}

void WatsonChain::lead_to(const std::string& target) {
  if (!name_.empty()) pass_on();
  draft_.connect(last_, onward_, target);
  // Watson goes on whether or not a value could be computed.
  if (onward_ == "success") draft_.connect(last_, "failure", target);
}

}  // namespace sluice::flow::importing
