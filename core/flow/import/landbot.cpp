// Landbot, the first export format: an object of nodes by number, each with a `function` and named ways `next`. A
// message and the node that picks up its answer become one question; a message's last text is what it asks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/draft.h"
#include "core/flow/import/formats.h"
#include "core/flow/import/landbot_nodes.h"

namespace sluice::flow::importing {
namespace {

constexpr std::string_view kAnswer = "temp.answer";

class LandbotImport {
 public:
  explicit LandbotImport(const Json& document) : document_(document) {}

  Imported run() {
    draft_.name(string_member(document_, "name"));
    const Json* nodes = nodes_of(document_);
    if (nodes == nullptr) {
      draft_.note("", Severity::kError, "the document holds no nodes with a 'function'");
      return std::move(draft_).finish();
    }
    read(*nodes);
    for (const auto& [id, json] : nodes_) {
      if (is_message(*json)) {
        emit_message(id, *json);
      } else if (picker_of(*json) != nullptr && !is_virtual(*json)) {
        if (!answered_.contains(id)) emit_question(ids_.at(id), id, *json, {}, make_array());
      } else {
        emit_other(id, *json);
      }
    }
    while (!pending_.empty()) {
      const std::string id = std::move(pending_.back());
      pending_.pop_back();
      emit_question(ids_.at(id), id, *nodes_.at(id), {}, make_array());
    }
    enter();
    return std::move(draft_).finish();
  }

 private:
  void read(const Json& nodes) {
    for (const auto& member : nodes.GetObject()) {
      if (string_member(member.value, "function").empty()) continue;
      const std::string id(text_of(member.name));
      nodes_.emplace(id, &member.value);
      const std::string field = field_of(member.value);
      if (!field.empty()) fields_.insert(field);
    }
    for (const auto& [id, json] : nodes_) {
      std::string wish = slug(string_member(*json, "name")).substr(0, 30);
      ids_.emplace(id, draft_.reserve(wish.empty() ? "node " + id : wish));
      if (const Json* next = find(*json, "next"); next != nullptr && next->IsObject()) {
        for (const auto& way : next->GetObject()) {
          if (way.value.IsString()) targets_.insert(std::string(text_of(way.value)));
        }
      }
      if (is_message(*json)) {
        const std::string answer = way(*json, "success");
        const auto picker = nodes_.find(answer);
        if (picker != nodes_.end() && picker_of(*picker->second) != nullptr && !is_virtual(*picker->second))
          answered_.insert(answer);
      }
    }
  }

  // Our node for one of theirs; a picker that only ever follows messages has none of its own.
  std::string target(const std::string& id) {
    if (id.empty()) return {};
    const auto found = ids_.find(id);
    if (found == ids_.end()) {
      draft_.note("", Severity::kError, fmt::format("a way leads to node '{}', which does not exist", id));
      return {};
    }
    if (answered_.contains(id) && standalone_.insert(id).second) pending_.push_back(id);
    return found->second;
  }

  std::string said(std::string_view given, const std::string& id) {
    return text_of_landbot(given, fields_, draft_, id);
  }

  void emit_message(const std::string& id, const Json& node) {
    Json messages = make_array();
    Json buttons = make_array();
    if (const Json* responses = find(node, "responses"); responses != nullptr && responses->IsArray()) {
      for (const Json& response : responses->GetArray()) add_response(id, response, messages, buttons);
    }
    const std::string answer = way(node, "success");
    const bool asks = answered_.contains(answer);
    if (!asks) {
      if (!buttons.Empty()) {
        Json options = object_of({{"type", "options"}});
        set(options, "options", std::move(buttons));
        push(messages, std::move(options));
      }
      add_message(ids_.at(id), node, std::move(messages));
      draft_.connect(ids_.at(id), "default", target(answer));
      return;
    }
    std::string question;
    if (!messages.Empty() && string_member(messages[messages.Size() - 1], "type") == "text") {
      question = string_member(messages[messages.Size() - 1], "text");
      messages.PopBack();
    }
    std::string asking = ids_.at(id);
    if (!messages.Empty()) {
      add_message(asking, node, std::move(messages));
      asking = draft_.reserve(ids_.at(id) + "_ask");
      draft_.connect(ids_.at(id), "default", asking);
    }
    emit_question(asking, answer, *nodes_.at(answer), question, std::move(buttons));
  }

  void add_response(const std::string& id, const Json& response, Json& messages, Json& buttons) {
    const std::string_view entity = string_member(response, "entity");
    const std::string_view given = string_member(response, "text");
    if (entity == "text" || entity == "button") {
      const std::string words = said(given, id);
      if (!words.empty()) push(messages, object_of({{"type", "text"}, {"text", words}}));
      const Json* list = find(response, "buttons");
      if (list != nullptr && list->IsArray()) {
        for (const Json& button : list->GetArray()) {
          if (button.IsString()) push(buttons, make_string(said(text_of(button), id)));
        }
      }
      return;
    }
    const std::string_view url = string_member(response, "path", string_member(response, "url"));
    if (url.empty()) {
      draft_.note(id, Severity::kError,
                  fmt::format("a response of kind '{}' without a path could not be carried over", entity));
      return;
    }
    push(messages, object_of({{"type", entity}, {"url", url}}));
  }

  void add_message(const std::string& node_id, const Json& node, Json messages) {
    Json content = make_object();
    set(content, "messages", std::move(messages));
    draft_.add_node(node_id, "message", std::move(content), landbot_position(node));
  }

  void emit_question(const std::string& node_id, const std::string& picker_id, const Json& picker,
                     std::string_view question, Json buttons) {
    const bool choice = string_member(picker, "function") == "__choice__";
    Json content = object_of({{"question", question}});  // empty: it only listens
    set(content, "input_type", choice && buttons.Empty() ? std::string_view("text") : picker_of(picker)->input_type);
    const std::string field = field_of(picker);
    set(content, "variable", field.empty() ? std::string(kAnswer) : "variables." + field);
    const std::string failed = way(picker, "failed");
    if (!choice && !failed.empty()) set(content, "max_attempts", Json(1));
    std::vector<std::pair<std::string, std::string>> edges;
    if (choice) {
      edges = choice_edges(picker, buttons, picker_id);
      if (!buttons.Empty()) set(content, "options", clone(buttons));
    } else if (!buttons.Empty()) {
      set(content, "options", std::move(buttons));
      set(content, "input_type", "buttons");
    }
    draft_.add_node(node_id, "question", std::move(content), landbot_position(picker),
                    object_of({{"source_id", picker_id}}));
    for (const auto& [label, to] : edges) draft_.connect(node_id, label, target(to));
    draft_.connect(node_id, "default", target(choice ? failed : way(picker, "success")));
    if (!choice) draft_.connect(node_id, "failure", target(failed));
  }

  // A way is named by a word of the button that takes it.
  std::vector<std::pair<std::string, std::string>> choice_edges(const Json& picker, const Json& buttons,
                                                                const std::string& id) {
    std::vector<std::pair<std::string, std::string>> edges;
    const Json* next = find(picker, "next");
    if (next == nullptr || !next->IsObject()) return edges;
    std::set<std::string_view> used;
    for (rapidjson::SizeType i = 0; i < buttons.Size(); ++i) {
      const std::string label = "_" + slug(text_of(buttons[i])) + "_";
      for (const auto& member : next->GetObject()) {
        const std::string_view key = text_of(member.name);
        if (key == "failed" || !member.value.IsString() || label.find("_" + slug(key) + "_") == std::string::npos)
          continue;
        edges.emplace_back(fmt::format("${}", i), text_of(member.value));
        used.insert(key);
        break;
      }
    }
    for (const auto& member : next->GetObject()) {
      const std::string_view key = text_of(member.name);
      if (key != "failed" && !used.contains(key)) {
        draft_.note(id, Severity::kWarning, fmt::format("the way '{}' belongs to no button and is left out", key));
      }
    }
    return edges;
  }

  void emit_other(const std::string& id, const Json& node) {
    const std::string_view function = string_member(node, "function");
    const std::string& node_id = ids_.at(id);
    if (function == "__send_request__") {
      emit_request(id, node);
    } else if (is_virtual(node)) {
      Json action = object_of({{"type", "set_variable"},
                               {"variable", "variables." + field_of(node)},
                               {"value", fmt::format("{{{{{}}}}}", kAnswer)}});
      Json content = make_object();
      set(content, "actions", array_of(std::move(action)));
      draft_.add_node(node_id, "action", std::move(content), landbot_position(node));
      draft_.connect(node_id, "success", target(way(node, "success")));
    } else {
      draft_.note(id, Severity::kError,
                  fmt::format("function '{}' has no counterpart here: the node only passes on", function));
      Json content = make_object();
      set(content, "conditions", make_array());
      draft_.add_node(node_id, "condition", std::move(content), landbot_position(node));
      draft_.connect(node_id, "default", target(way(node, "success")));
    }
  }

  void emit_request(const std::string& id, const Json& node) {
    Json content =
        object_of({{"url", said(string_member(node, "url"), id)}, {"method", string_member(node, "method", "POST")}});
    for (const auto& [from, to] : {std::pair{"headers", "headers"}, std::pair{"data", "body"}}) {
      const Json* values = find(node, from);
      if (values == nullptr || !values->IsObject()) continue;
      Json copy = make_object();
      for (const auto& member : values->GetObject()) {
        set(copy, text_of(member.name),
            member.value.IsString() ? make_string(said(text_of(member.value), id)) : clone(member.value));
      }
      set(content, to, std::move(copy));
    }
    draft_.add_node(ids_.at(id), "webhook", std::move(content), landbot_position(node));
    draft_.connect(ids_.at(id), "success", target(way(node, "success")));
    const std::string failed = way(node, "failed");
    draft_.connect(ids_.at(id), "failure", target(failed.empty() ? way(node, "success") : failed));
  }

  void enter() {
    const auto number = [](const std::string& id) { return is_integer(id) ? std::stoll(id) : 0; };
    std::string entry;
    for (const auto& [id, json] : nodes_) {
      if (targets_.contains(id) || is_virtual(*json)) continue;
      if (entry.empty() || number(id) < number(entry)) entry = id;
    }
    if (entry.empty()) {
      entry = nodes_.begin()->first;
      draft_.note("", Severity::kWarning,
                  fmt::format("every node is led to by another: the flow starts at node '{}'", entry));
    }
    draft_.entry(ids_.at(entry));
  }

  const Json& document_;
  Draft draft_;
  std::map<std::string, const Json*> nodes_;
  std::map<std::string, std::string> ids_;
  Fields fields_;
  std::set<std::string> targets_;
  std::set<std::string> answered_;    // pickers that follow a message
  std::set<std::string> standalone_;  // those of them that something else leads to as well
  std::vector<std::string> pending_;  // of those, not yet emitted
};

}  // namespace

Imported import_landbot(const Json& document) {
  return LandbotImport(document).run();
}

}  // namespace sluice::flow::importing
