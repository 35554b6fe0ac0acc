// RapidPro and Glific, flow specification 13: nodes with actions, a router that sorts what was answered, and exits.
#include <fmt/format.h>

#include <map>
#include <set>

#include "core/flow/import/formats.h"
#include "core/flow/import/rapidpro_actions.h"
#include "core/flow/import/rapidpro_expression.h"

namespace sluice::flow::importing {
namespace {

const Json* list_of(const Json& object, std::string_view key) {
  const Json* list = find(object, key);
  return list != nullptr && list->IsArray() ? list : nullptr;
}

class RapidproImport {
 public:
  RapidproImport(const Json& file, const Json& flow) : file_(file), flow_(flow) {}

  Imported run() {
    draft_.name(string_member(flow_, "name"));
    report_the_rest();
    const Json* nodes = list_of(flow_, "nodes");
    if (nodes == nullptr || nodes->Empty()) {
      draft_.note("nodes", Severity::kError, "the flow has no nodes");
      return std::move(draft_).finish();
    }
    for (const Json& node : nodes->GetArray()) read(node);
    for (std::size_t i = 0; i < order_.size(); ++i) emit(order_[i], at("nodes", i));
    draft_.entry(nodes_.at(order_.front()).id);
    return std::move(draft_).finish();
  }

 private:
  struct Node {
    const Json* json;
    std::string id;                                         // the first of ours that it becomes
    std::map<std::string, std::string, std::less<>> exits;  // destination by exit
  };

  void report_the_rest() {
    if (const Json* flows = list_of(file_, "flows"); flows != nullptr && flows->Size() > 1) {
      for (rapidjson::SizeType i = 1; i < flows->Size(); ++i) {
        draft_.note(at("flows", i), Severity::kWarning,
                    fmt::format("flow '{}' of the same file is not imported with this one",
                                string_member((*flows)[i], "name")));
      }
    }
    for (const std::string_view key : {"campaigns", "triggers"}) {
      const Json* list = list_of(file_, key);
      if (list != nullptr && !list->Empty())
        draft_.note(std::string(key), Severity::kWarning, "not carried over: flows are started from SQL here");
    }
    const Json* localization = find(flow_, "localization");
    if (localization != nullptr && localization->IsObject() && localization->MemberCount() > 0) {
      draft_.note(
          "localization", Severity::kWarning,
          fmt::format("translations are not carried over; texts are those in '{}'", string_member(flow_, "language")));
    }
    if (list_of(flow_, "action_sets") != nullptr)
      draft_.note("action_sets", Severity::kError,
                  "this is a flow of version 11 or earlier: export it anew in version 13");
  }

  void read(const Json& json) {
    Node node{&json, {}, {}};
    const std::string uuid(string_member(json, "uuid", fmt::format("node {}", order_.size())));
    if (nodes_.contains(uuid)) {
      draft_.note(at("nodes", order_.size()), Severity::kError,
                  fmt::format("node '{}' is there twice: the second is left out", uuid));
      return;
    }
    if (const Json* exits = list_of(json, "exits")) {
      for (const Json& exit : exits->GetArray())
        node.exits.emplace(string_member(exit, "uuid"), string_member(exit, "destination_uuid"));
    }
    node.id = draft_.reserve(wish_for(json));
    nodes_.emplace(uuid, std::move(node));
    order_.push_back(uuid);
  }

  static std::string wish_for(const Json& json) {
    const Json* router = find(json, "router");
    if (router != nullptr && !string_member(*router, "result_name").empty())
      return std::string(string_member(*router, "result_name"));
    if (const Json* actions = list_of(json, "actions"); actions != nullptr && !actions->Empty()) {
      const std::string_view said = string_member((*actions)[0], "text");
      const std::string words = slug(said).substr(0, 24);
      return words.empty() ? std::string(string_member((*actions)[0], "type")) : words;
    }
    return router == nullptr ? "node" : "router";
  }

  std::string target_of_exit(const Node& node, std::string_view exit) const {
    const auto found = node.exits.find(exit);
    if (found == node.exits.end() || found->second.empty()) return {};
    const auto target = nodes_.find(found->second);
    return target == nodes_.end() ? std::string() : target->second.id;
  }

  std::string target_of_category(const Node& node, const Json& router, std::string_view category) const {
    const Json* categories = list_of(router, "categories");
    if (categories == nullptr) return {};
    for (const Json& item : categories->GetArray()) {
      if (string_member(item, "uuid") == category || string_member(item, "name") == category)
        return target_of_exit(node, string_member(item, "exit_uuid"));
    }
    return {};
  }

  void emit(const std::string& uuid, const std::string& path) {
    const Node& node = nodes_.at(uuid);
    const Json* router = find(*node.json, "router");
    const Json* wait = router == nullptr ? nullptr : find(*router, "wait");
    RapidproChain chain(draft_, node.id, path);
    if (const Json* position = ui_position(uuid)) chain.place(*position);
    const Json* actions = list_of(*node.json, "actions");
    for (std::size_t i = 0; actions != nullptr && i < actions->Size(); ++i) {
      chain.add((*actions)[static_cast<rapidjson::SizeType>(i)], at(path, "actions", i));
    }
    if (router == nullptr || !router->IsObject()) {
      chain.lead_to(node.exits.empty() ? std::string() : target_of_exit(node, first_exit(*node.json)));
      return;
    }
    if (chain.calls()) {
      emit_outcome(node, *router, chain);
      return;
    }
    if (wait != nullptr && wait->IsObject()) emit_wait(node, *router, *wait, chain);
    emit_cases(node, *router, chain, path);
  }

  static std::string first_exit(const Json& json) {
    const Json* exits = list_of(json, "exits");
    return exits == nullptr || exits->Empty() ? std::string() : std::string(string_member((*exits)[0], "uuid"));
  }

  const Json* ui_position(const std::string& uuid) const {
    const Json* ui = find(flow_, "_ui");
    const Json* nodes = ui == nullptr ? nullptr : find(*ui, "nodes");
    const Json* node = nodes == nullptr ? nullptr : find(*nodes, uuid);
    return node == nullptr ? nullptr : find(*node, "position");
  }

  // After a request or a sub-flow the router only asks how it went.
  void emit_outcome(const Node& node, const Json& router, RapidproChain& chain) {
    const Json* categories = list_of(router, "categories");
    std::string good;
    std::string bad = target_of_category(node, router, string_member(router, "default_category_uuid"));
    for (rapidjson::SizeType i = 0; categories != nullptr && i < categories->Size(); ++i) {
      const std::string_view name = string_member((*categories)[i], "name");
      const std::string target = target_of_exit(node, string_member((*categories)[i], "exit_uuid"));
      if (name == "Success" || name == "Complete" || name == "Completed") good = target;
      if (name == "Failure" || name == "Expired") bad = target;
    }
    chain.lead_to_outcome(good, bad);
  }

  void emit_wait(const Node& node, const Json& router, const Json& wait, RapidproChain& chain) {
    const Json* timeout = find(wait, "timeout");
    const Json* seconds = timeout == nullptr ? nullptr : find(*timeout, "seconds");
    std::string late;
    Json content = object_of({{"input_type", "text"}, {"variable", kInput}});
    if (seconds != nullptr && seconds->IsNumber()) {
      set(content, "timeout", clone(*seconds));
      late = target_of_category(node, router, string_member(*timeout, "category_uuid"));
      if (late.empty()) late = draft_.end_node();
    }
    chain.ask(std::move(content), late);
  }

  void emit_cases(const Node& node, const Json& router, RapidproChain& chain, const std::string& path) {
    const std::string result = slug(string_member(router, "result_name"));
    std::string_view expression = string_member(router, "operand", "@input.text");
    if (expression.starts_with('@')) expression.remove_prefix(1);
    std::string operand = path_of(expression);
    if (string_member(router, "type") == "random") {
      draft_.note(path, Severity::kError, "a random split has no counterpart here: its first way is always taken");
    } else if (operand.empty()) {
      draft_.note(path, Severity::kError,
                  fmt::format("the operand '@{}' has no counterpart here: only the default way is taken", expression));
    }
    if (!result.empty())
      chain.set_value("variables." + result, "{{" + (operand.empty() ? std::string(kInput) : operand) + "}}");
    const std::string otherwise = target_of_category(node, router, default_category(router));
    Json entries = make_array();
    std::vector<RapidproWay> ways;
    const Json* cases = list_of(router, "cases");
    for (std::size_t i = 0; cases != nullptr && !operand.empty() && i < cases->Size(); ++i) {
      const Json& item = (*cases)[static_cast<rapidjson::SizeType>(i)];
      const std::string_view type = string_member(item, "type");
      const auto test = test_of(type, arguments_of(item), operand);
      if (!test)
        draft_.note(at(path + ".router", "cases", i), Severity::kError,
                    fmt::format("the test '{}' has no counterpart here and is never true", type));
      Json entry = object_of({{"if", test.value_or("false")}, {"then", fmt::format("${}", ways.size())}});
      push(entries, std::move(entry));
      const std::string_view category = string_member(item, "category_uuid");
      ways.push_back({target_of_category(node, router, category), category_name(router, category)});
    }
    chain.branch(std::move(entries), ways, {otherwise, category_name(router, default_category(router))},
                 result_category(result));
  }

  static std::string default_category(const Json& router) {
    const std::string_view named = string_member(router, "default_category_uuid");
    if (!named.empty()) return std::string(named);
    const Json* categories = list_of(router, "categories");
    return categories == nullptr || categories->Empty() ? std::string()
                                                        : std::string(string_member((*categories)[0], "uuid"));
  }

  static std::string category_name(const Json& router, std::string_view uuid) {
    const Json* categories = list_of(router, "categories");
    if (categories == nullptr) return {};
    for (const Json& item : categories->GetArray()) {
      if (string_member(item, "uuid") == uuid) return std::string(string_member(item, "name"));
    }
    return {};
  }

  static std::vector<std::string> arguments_of(const Json& item) {
    std::vector<std::string> arguments;
    const Json* list = list_of(item, "arguments");
    if (list == nullptr) return arguments;
    for (const Json& argument : list->GetArray())
      arguments.push_back(argument.IsString() ? std::string(text_of(argument)) : to_text(argument));
    return arguments;
  }

  // A result's category is only kept when something in the flow asks for it.
  std::string result_category(const std::string& result) {
    if (result.empty()) return {};
    if (text_.empty()) text_ = to_text(flow_);
    const bool read = text_.find("results." + result + ".category") != std::string::npos ||
                      text_.find("has_category") != std::string::npos;
    return read ? "variables." + result + "_category" : std::string();
  }

  const Json& file_;
  const Json& flow_;
  Draft draft_;
  std::map<std::string, Node> nodes_;
  std::vector<std::string> order_;
  std::string text_;
};

}  // namespace

Imported import_rapidpro(const Json& document) {
  if (const Json* flows = list_of(document, "flows"); flows != nullptr && !flows->Empty())
    return RapidproImport(document, (*flows)[0]).run();
  const Json* definition = find(document, "definition");
  return RapidproImport(document, definition != nullptr && definition->IsObject() ? *definition : document).run();
}

}  // namespace sluice::flow::importing
