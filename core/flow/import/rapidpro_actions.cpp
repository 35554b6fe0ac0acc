#include "core/flow/import/rapidpro_actions.h"

#include <fmt/format.h>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/rapidpro_expression.h"

namespace sluice::flow::importing {
namespace {

// "image/jpeg:https://…" and "image:…"
Json attachment(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, std::min(colon, text.find('/')));
  const std::string_view url = colon == std::string_view::npos ? text : text.substr(colon + 1);
  return object_of({{"type", colon == std::string_view::npos ? std::string_view("file") : kind}, {"url", url}});
}

Json groups_of(const Json& action, std::string_view type) {
  Json list = make_array();
  const Json* groups = find(action, "groups");
  if (groups == nullptr || !groups->IsArray()) return list;
  for (const Json& group : groups->GetArray()) {
    push(list, object_of({{"type", type}, {"variable", "user.groups"}, {"value", string_member(group, "name")}}));
  }
  return list;
}

}  // namespace

void RapidproChain::place(const Json& position) {
  Json coordinates = make_object();
  for (const auto& [from, to] : {std::pair{"left", "x"}, std::pair{"top", "y"}}) {
    if (const Json* value = find(position, from)) set(coordinates, to, clone(*value));
  }
  position_ = position_of(&coordinates);
}

void RapidproChain::node(std::string_view suffix, std::string_view type, Json content, std::string_view onward) {
  const std::string id = last_.empty() ? first_ : draft_.reserve(first_ + std::string(suffix));
  if (!last_.empty()) lead_to(id);
  draft_.add_node(id, type, std::move(content), clone(position_));
  last_ = id;
  onward_ = onward;
}

// Messages come before actions, and a node of one kind ends that of the other.
void RapidproChain::flush() {
  if (!messages_.Empty()) {
    Json content = make_object();
    set(content, "messages", std::move(messages_));
    messages_ = make_array();
    node("_say", "message", std::move(content), "default");
  }
  if (!actions_.Empty()) {
    Json content = make_object();
    set(content, "actions", std::move(actions_));
    actions_ = make_array();
    node("_set", "action", std::move(content), "success");
  }
}

void RapidproChain::say(const Json& action, const std::string& path) {
  if (!actions_.Empty()) flush();
  const std::string text = rewrite_expressions(string_member(action, "text"), draft_, path);
  const Json* replies = find(action, "quick_replies");
  if (replies != nullptr && replies->IsArray() && !replies->Empty()) {
    Json message = object_of({{"type", "options"}});
    Json options = make_array();
    for (const Json& reply : replies->GetArray()) {
      if (reply.IsString()) push(options, make_string(rewrite_expressions(text_of(reply), draft_, path)));
    }
    set(message, "options", std::move(options));
    push(messages_, std::move(message));
  }
  const Json* attachments = find(action, "attachments");
  if (attachments != nullptr && attachments->IsArray()) {
    for (const Json& item : attachments->GetArray()) {
      if (item.IsString()) push(messages_, attachment(rewrite_expressions(text_of(item), draft_, path)));
    }
  }
  if (!stripped(text).empty()) push(messages_, object_of({{"type", "text"}, {"text", text}}));
}

void RapidproChain::act(Json action) {
  if (!messages_.Empty()) flush();
  push(actions_, std::move(action));
}

void RapidproChain::set_value(const std::string& variable, std::string_view value) {
  act(object_of({{"type", "set_variable"}, {"variable", variable}, {"value", value}}));
}

void RapidproChain::request(const Json& action, const std::string& path) {
  flush();
  const std::string method(string_member(action, "method", "GET"));
  Json content =
      object_of({{"url", rewrite_expressions(string_member(action, "url"), draft_, path)}, {"method", method}});
  if (const Json* headers = find(action, "headers"); headers != nullptr && headers->IsObject()) {
    Json copy = make_object();
    for (const auto& member : headers->GetObject()) {
      if (member.value.IsString())
        set(copy, text_of(member.name), rewrite_expressions(text_of(member.value), draft_, path));
    }
    set(content, "headers", std::move(copy));
  }
  const std::string body = rewrite_expressions(string_member(action, "body"), draft_, path);
  if (!body.empty() && method != "GET") {
    auto parsed = parse_json(body);
    set(content, "body", parsed ? std::move(*parsed) : make_string(body));
  }
  set(content, "response_mapping", object_of({{kResponse, "$"}}));
  node("_call", "webhook", std::move(content), "success");
  calls_ = true;
}

void RapidproChain::add(const Json& action, const std::string& path) {
  const std::string_view type = string_member(action, "type");
  calls_ = false;
  const auto value_of = [&](std::string_view key) {
    return rewrite_expressions(string_member(action, key), draft_, path);
  };
  if (type == "send_msg" || type == "send_interactive_msg") {
    say(action, path);
  } else if (type == "set_run_result") {
    set_value("variables." + slug(string_member(action, "name")), value_of("value"));
    const std::string_view category = string_member(action, "category");
    if (!category.empty()) set_value("variables." + slug(string_member(action, "name")) + "_category", category);
  } else if (type == "set_contact_field") {
    const Json* field = find(action, "field");
    set_value(
        "user." + std::string(field == nullptr ? std::string_view("field") : string_member(*field, "key", "field")),
        value_of("value"));
  } else if (type == "set_contact_name") {
    set_value("user.name", value_of("name"));
  } else if (type == "set_contact_language") {
    set_value("user.language", value_of("language"));
  } else if (type == "add_contact_groups" || type == "remove_contact_groups") {
    const Json changes = groups_of(action, type == "add_contact_groups" ? "append" : "remove");
    for (const Json& change : changes.GetArray()) act(clone(change));
    draft_.note(path, Severity::kInfo, "contact groups are kept as a list in user.groups");
  } else if (type == "call_webhook") {
    request(action, path);
  } else if (type == "enter_flow") {
    flush();
    const Json* flow = find(action, "flow");
    const std::string_view name = flow == nullptr ? std::string_view() : string_member(*flow, "name");
    draft_.note(path, Severity::kInfo,
                fmt::format("calls the flow named '{}', which must be imported under that name", name));
    node("_flow", "composite", object_of({{"flow", name}}), "default");
    calls_ = true;
  } else {
    draft_.note(path, Severity::kError, fmt::format("action '{}' has no counterpart here and is left out", type));
  }
}

void RapidproChain::ask(Json content, const std::string& late) {
  std::string question;
  if (!messages_.Empty() && string_member(messages_[messages_.Size() - 1], "type") == "text") {
    question = string_member(messages_[messages_.Size() - 1], "text");
    messages_.PopBack();
  }
  flush();
  set(content, "question", question);  // empty: it only listens
  node("_ask", "question", std::move(content), "default");
  draft_.connect(last_, "timeout", late);
}

std::string RapidproChain::through_category(const RapidproWay& way, const std::string& category) {
  if (category.empty() || way.category.empty()) return way.target;
  const std::string id = draft_.reserve(first_ + "_" + way.category);
  Json content = make_object();
  set(content, "actions",
      array_of(object_of({{"type", "set_variable"}, {"variable", category}, {"value", way.category}})));
  draft_.add_node(id, "action", std::move(content), clone(position_));
  draft_.connect(id, "success", way.target);
  return id;
}

void RapidproChain::branch(Json entries, const std::vector<RapidproWay>& ways, const RapidproWay& otherwise,
                           const std::string& category) {
  flush();
  if (entries.Empty()) {
    lead_to(through_category(otherwise, category));
    return;
  }
  Json content = make_object();
  set(content, "conditions", std::move(entries));
  set(content, "else", "default");
  node("_if", "condition", std::move(content), "default");
  const std::string condition = last_;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string target = through_category(ways[i], category);
    draft_.connect(condition, fmt::format("${}", i), target.empty() ? draft_.end_node() : target);
  }
  draft_.connect(condition, "default", through_category(otherwise, category));
}

void RapidproChain::lead_to(const std::string& target) {
  flush();
  if (last_.empty()) {
    Json content = make_object();
    set(content, "conditions", make_array());
    node("", "condition", std::move(content), "default");
  }
  draft_.connect(last_, onward_, target);
  if (onward_ == "success") draft_.connect(last_, "failure", target);
}

void RapidproChain::lead_to_outcome(const std::string& good, const std::string& bad) {
  flush();
  draft_.connect(last_, onward_, good);
  draft_.connect(last_, "failure", bad);
}

}  // namespace sluice::flow::importing
