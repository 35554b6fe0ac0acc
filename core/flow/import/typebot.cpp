// Typebot, version 6 (and 3 to 5, whose start is a block): groups of blocks that run top to bottom, edges that leave
// them.
#include <fmt/format.h>

#include "core/flow/import/cel_text.h"
#include "core/flow/import/formats.h"
#include "core/flow/import/typebot_blocks.h"
#include "core/flow/import/typebot_graph.h"
#include "core/flow/import/typebot_variables.h"

namespace sluice::flow::importing {
namespace {

constexpr int kLineHeight = 120;  // between the nodes of one group in the picture

class TypebotImport {
 public:
  explicit TypebotImport(const Json& document) : graph_(document), variables_(document, draft_) {
    draft_.name(string_member(document, "name"));
  }

  Imported run() {
    graph_.divide(variables_, draft_);
    for (const TypebotSegment& segment : graph_.segments()) emit(segment);
    enter();
    if (!variables_.all().empty()) {
      draft_.note("variables", Severity::kInfo, "variables live in temp, since Typebot's end with the conversation");
    }
    draft_.note("theme", Severity::kInfo,
                "theme, typing emulation and the columns of results belong to Typebot's pages and are left out");
    return std::move(draft_).finish();
  }

 private:
  [[nodiscard]] TypebotScope scope_of(Place place) { return {variables_, draft_, graph_.path(place)}; }

  void emit(const TypebotSegment& segment) {
    switch (segment.role) {
      case TypebotRole::kMessage:
        emit_message(segment);
        break;
      case TypebotRole::kQuestion:
        emit_question(segment);
        break;
      case TypebotRole::kCondition:
        emit_condition(segment);
        break;
      case TypebotRole::kAction:
        emit_action(segment);
        break;
      case TypebotRole::kScript:
        emit_single(segment, "script", script_content(graph_.block(segment.last), scope_of(segment.last)));
        break;
      case TypebotRole::kWebhook:
        emit_webhook(segment);
        break;
      case TypebotRole::kComposite:
        emit_composite(segment);
        break;
      case TypebotRole::kRedirect:
        break;
    }
  }

  void add(const TypebotSegment& segment, std::string_view type, Json content) {
    add(segment.node, segment, type, std::move(content));
  }

  void add(std::string_view node, const TypebotSegment& segment, std::string_view type, Json content) {
    const Json& group = graph_.group(segment.first);
    Json position = position_of(find(group, "graphCoordinates"));
    if (Json* y = find(position, "y"))
      *y = Json(y->GetInt64() + static_cast<std::int64_t>(segment.first.block) * kLineHeight);
    draft_.add_node(node, type, std::move(content), std::move(position),
                    object_of({{"group", string_member(group, "title")},
                               {"source_id", string_member(graph_.block(segment.last), "id")}}));
  }

  void emit_single(const TypebotSegment& segment, std::string_view type, Json content) {
    add(segment, type, std::move(content));
    draft_.connect(segment.node, "default", graph_.next(segment.last));
  }

  void emit_message(const TypebotSegment& segment) {
    Json messages = make_array();
    for (Place place = segment.first; place.block <= segment.last.block; ++place.block) {
      const Json& block = graph_.block(place);
      const TypebotScope scope = scope_of(place);
      if (is_bubble(string_member(block, "type"))) {
        push(messages, bubble_message(block, scope));
      } else {
        push(messages, client_message(block, scope));
      }
    }
    Json content = make_object();
    set(content, "messages", std::move(messages));
    emit_single(segment, "message", std::move(content));
  }

  // Wait and Redirect are things that the client does: it gets them as messages of a type of their own.
  static Json client_message(const Json& block, const TypebotScope& scope) {
    static const Json kNothing = make_object();
    const Json* found = find(block, "options");
    const Json& options = found == nullptr ? kNothing : *found;
    if (string_member(block, "type") == "Wait") {
      scope.note(Severity::kInfo, "the wait is left to the client, as a message of type 'wait'");
      return object_of({{"type", "wait"}, {"seconds", scope.rewrite(string_member(options, "secondsToWaitFor", "0"))}});
    }
    scope.note(Severity::kInfo, "the redirection is left to the client, as a message of type 'redirect'");
    return object_of({{"type", "redirect"}, {"url", scope.rewrite(string_member(options, "url"))}});
  }

  void emit_question(const TypebotSegment& segment) {
    std::string text;
    if (segment.first.block < segment.last.block) {
      const TypebotScope above = scope_of(segment.first);
      const Json* content = find(graph_.block(segment.first), "content");
      if (content != nullptr) text = above.rewrite(read_rich_text(*content).text);
    }
    const Json& block = graph_.block(segment.last);
    Json content = question_content(block, text, scope_of(segment.last));
    const bool pictures = string_member(block, "type") == "picture choice input";
    const TypebotVariable* variable = variables_.of_block(block);
    std::string after;
    if (pictures && variable != nullptr) {
      const std::string chosen = variable->path + "_chosen";
      const bool several = string_member(content, "input_type") == "multi_choice";
      set(content, "variable", chosen);
      after = keep_titles(segment, *variable, chosen, several);
    }
    add(segment, "question", std::move(content));
    const Json* items = find(block, "items");
    for (std::size_t i = 0; items != nullptr && items->IsArray() && i < items->Size(); ++i) {
      const std::string target = graph_.target_of_item((*items)[static_cast<rapidjson::SizeType>(i)]);
      if (target.empty()) continue;
      draft_.connect(segment.node, fmt::format("${}", i), after.empty() ? target : after);
      if (!after.empty()) branch_after(after, variable->path, (*items)[static_cast<rapidjson::SizeType>(i)], target);
    }
    draft_.connect(segment.node, "default", after.empty() ? graph_.next(segment.last) : after);
    if (!after.empty()) draft_.connect(after, "success", graph_.next(segment.last));
  }

  // A picture is chosen as a whole option; the bot's texts and conditions want its title.
  std::string keep_titles(const TypebotSegment& segment, const TypebotVariable& variable, const std::string& chosen,
                          bool several) {
    Json action = object_of({{"variable", variable.path}});
    if (several) {
      set(action, "type", "calculate");
      set(action, "expression", chosen + ".map(o, o.label)");
    } else {
      set(action, "type", "set_variable");
      set(action, "value", "{{" + chosen + ".label}}");
    }
    const std::string node = draft_.reserve(segment.node + "_title");
    Json content = make_object();
    set(content, "actions", array_of(std::move(action)));
    add(node, segment, "action", std::move(content));
    return node;
  }

  void branch_after(const std::string& action, const std::string& variable, const Json& item,
                    const std::string& target) {
    const std::string title = variables_.rewrite(string_member(item, "title"), draft_, "items");
    draft_.connect(action, "success", target, fmt::format("{} == {}", variable, cel_string(title)));
  }

  void emit_condition(const TypebotSegment& segment) {
    const Json& block = graph_.block(segment.last);
    const std::string next = graph_.next(segment.last);
    const std::string below = graph_.below(segment.last);
    Json entries = make_array();
    std::vector<std::pair<std::string, std::string>> edges;
    const Json* items = find(block, "items");
    for (std::size_t i = 0; items != nullptr && items->IsArray() && i < items->Size(); ++i) {
      const Json& item = (*items)[static_cast<rapidjson::SizeType>(i)];
      const TypebotScope scope{variables_, draft_, at(graph_.path(segment.last), "items", i)};
      std::string target = graph_.target_of_item(item);
      if (target.empty()) target = below.empty() ? draft_.end_node() : below;
      Json entry = make_object();
      set(entry, "if", condition_of(item, scope));
      set(entry, "then", fmt::format("${}", i));
      push(entries, std::move(entry));
      edges.emplace_back(fmt::format("${}", i), target);
    }
    Json content = make_object();
    set(content, "conditions", std::move(entries));
    set(content, "else", "default");
    add(segment, "condition", std::move(content));
    for (const auto& [label, target] : edges) draft_.connect(segment.node, label, target);
    draft_.connect(segment.node, "default", next);
  }

  void emit_action(const TypebotSegment& segment) {
    Json actions = make_array();
    for (Place place = segment.first; place.block <= segment.last.block; ++place.block) {
      Json action = set_variable_action(graph_.block(place), scope_of(place));
      if (action.IsObject() && action.MemberCount() > 0) push(actions, std::move(action));
    }
    Json content = make_object();
    set(content, "actions", std::move(actions));
    add(segment, "action", std::move(content));
    connect_both(segment);
  }

  // Typebot goes on whether or not it worked.
  void connect_both(const TypebotSegment& segment) {
    draft_.connect(segment.node, "success", graph_.next(segment.last));
    draft_.connect(segment.node, "failure", graph_.next(segment.last));
  }

  void emit_webhook(const TypebotSegment& segment) {
    add(segment, "webhook", webhook_content(graph_.block(segment.last), scope_of(segment.last)));
    connect_both(segment);
  }

  void emit_composite(const TypebotSegment& segment) {
    const Json* options = find(graph_.block(segment.last), "options");
    const std::string_view bot = string_member(*options, "typebotId");
    const TypebotScope scope = scope_of(segment.last);
    Json content = object_of({{"flow", bot}});
    Json inputs = make_object();
    for (const TypebotVariable& variable : variables_.all())
      set(inputs, variable.path.substr(5), "{{" + variable.path + "}}");
    if (inputs.MemberCount() > 0) set(content, "inputs", std::move(inputs));
    scope.note(Severity::kWarning,
               fmt::format("the linked bot must be imported as a flow named '{}'; it starts at its own start and "
                           "sees this bot's variables as its input",
                           bot));
    add(segment, "composite", std::move(content));
    draft_.connect(segment.node, "default", graph_.next(segment.last));
  }

  void enter() {
    std::string entry = graph_.start();
    if (entry.empty() && !graph_.segments().empty()) {
      entry = graph_.segments().front().node;
      draft_.note("events", Severity::kWarning, "no start event leads anywhere: the flow starts at its first group");
    }
    entry = initial_values(entry);
    if (entry.empty()) draft_.note("groups", Severity::kError, "the bot has no blocks: there is nothing to run");
    draft_.entry(entry);
  }

  // Variables that have a value before the bot starts.
  std::string initial_values(const std::string& entry) {
    Json actions = make_array();
    for (const auto& [path, value] : graph_.initial_values(variables_)) {
      Json action = object_of({{"type", "set_variable"}, {"variable", path}});
      set(action, "value", clone(*value));
      push(actions, std::move(action));
    }
    if (actions.Empty() || entry.empty()) return entry;
    const std::string node = draft_.reserve("initial_values");
    Json content = make_object();
    set(content, "actions", std::move(actions));
    draft_.add_node(node, "action", std::move(content));
    draft_.connect(node, "success", entry);
    draft_.connect(node, "failure", entry);
    return node;
  }

  Draft draft_;
  TypebotGraph graph_;
  TypebotVariables variables_;
};

}  // namespace

Imported import_typebot(const Json& document) {
  return TypebotImport(document).run();
}

}  // namespace sluice::flow::importing
