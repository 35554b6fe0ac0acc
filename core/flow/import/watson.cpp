// Watson Assistant workspaces (dialog skills, v1): a tree of nodes. The children of a node, in order, become one
// condition with an entry each; what a node sets and says become an action and a message; where it waits becomes a
// question.
#include <fmt/format.h>

#include <compare>
#include <map>

#include "core/flow/import/formats.h"
#include "core/flow/import/watson_chain.h"
#include "core/flow/import/watson_language.h"
#include "core/flow/import/watson_output.h"
#include "core/flow/import/watson_slots.h"
#include "core/flow/import/watson_tree.h"

namespace sluice::flow::importing {
namespace {

constexpr std::size_t kRoot = WatsonTree::kRoot;

class WatsonImport {
 public:
  explicit WatsonImport(const Json& workspace)
      : workspace_(workspace), tree_(workspace, draft_), language_(workspace, draft_) {}

  Imported run() {
    draft_.name(string_member(workspace_, "name"));
    if (const auto text = string_member(workspace_, "description"); !text.empty())
      draft_.member("description") = make_string(text);
    root_ = draft_.reserve("understand");
    listen_ = draft_.reserve("listen");
    for (const WatsonNode& node : tree_.nodes()) bodies_.push_back(draft_.reserve(wish_for(node)));
    for (const WatsonNode& node : tree_.nodes()) {
      const std::string_view type = string_member(*node.json, "type", "standard");
      if (type != "slot" && type != "event_handler") emit(node);
    }
    emit_levels();
    emit_root();
    enter();
    report_what_differs();
    return std::move(draft_).finish();
  }

 private:
  // Where a node leads when it is done: on to a node, or to one after the user's next answer.
  struct Next {
    bool waits;
    std::string target;
  };

  static std::string wish_for(const WatsonNode& node) {
    const std::string_view conditions = string_member(*node.json, "conditions");
    std::string wish = slug(string_member(*node.json, "title"));
    if (wish.empty() && conditions != "true") wish = slug(conditions);
    return wish.empty() ? node.id : wish;
  }

  // A level asks the conditions of siblings in turn, from one of them on. An answer just given that none of them
  // understands is tried at the top; where nothing new was said, the conversation waits.
  struct Level {
    std::size_t first;
    bool answered;
    auto operator<=>(const Level&) const = default;
  };

  std::string level(std::size_t parent, bool answered) {
    if (parent == kRoot || tree_.nodes()[parent].children.empty()) return root_;
    return level_from(tree_.nodes()[tree_.nodes()[parent].children.front()], answered);
  }

  std::string level_from(const WatsonNode& first, bool answered) {
    const Level wanted{tree_.index_of(first), answered};
    if (first.parent == kRoot && tree_.top().front() == wanted.first) return root_;
    const auto found = levels_.find(wanted);
    if (found != levels_.end()) return found->second;
    const std::string id = draft_.reserve(bodies_[wanted.first] + (answered ? "_or" : "_next"));
    levels_.emplace(wanted, id);
    unwritten_levels_.push_back(wanted);
    return id;
  }

  Next next_of(const WatsonNode& node) {
    const Json* step = find(*node.json, "next_step");
    const std::string_view behavior = step == nullptr ? std::string_view() : string_member(*step, "behavior");
    if (behavior == "jump_to") {
      const WatsonNode* target = tree_.by_id(string_member(*step, "dialog_node"));
      if (target == nullptr) {
        draft_.note(
            node.path, Severity::kError,
            fmt::format("jumps to '{}', which does not exist or is left out", string_member(*step, "dialog_node")));
        return {true, root_};
      }
      const std::string_view selector = string_member(*step, "selector");
      if (selector == "body") return {false, bodies_[tree_.index_of(*target)]};
      const bool waits = selector == "user_input";
      return {waits, level_from(*target, waits)};
    }
    const bool response = string_member(*node.json, "type") == "response_condition";
    if (response && behavior.empty() && node.parent != kRoot) return next_of(tree_.nodes()[node.parent]);
    if (behavior == "skip_user_input" && !node.children.empty()) return {false, level(tree_.index_of(node), false)};
    return {true, level(tree_.index_of(node), true)};
  }

  void emit(const WatsonNode& node) {
    const std::string& first = bodies_[tree_.index_of(node)];
    WatsonSpeech speech = read_output(*node.json, language_, node.path);
    const Next next = next_of(node);
    WatsonChain chain(draft_, first, node.id);
    if (!speech.actions.Empty()) chain.act(std::move(speech.actions));
    emit_slots(tree_, node, language_, chain);
    if (node.responses.empty()) {
      finish(chain, speech.messages, next);
      return;
    }
    if (!speech.messages.Empty()) chain.say(std::move(speech.messages));
    Json entries = make_array();
    std::vector<std::string> targets;
    for (const std::size_t response : node.responses) {
      const WatsonNode& answer = tree_.nodes()[response];
      push(entries, entry(condition_of(answer), targets.size()));
      targets.push_back(bodies_[response]);
    }
    chain.branch(std::move(entries), targets);
    const Json nothing = make_array();
    finish(chain, nothing, next);
  }

  static void finish(WatsonChain& chain, const Json& messages, const Next& next) {
    if (next.waits) {
      chain.ask(messages, next.target);
      return;
    }
    if (!messages.Empty()) chain.say(clone(messages));
    chain.lead_to(next.target);
  }

  static Json entry(Json condition, std::size_t index) {
    Json result = make_object();
    set(result, "if", std::move(condition));
    set(result, "then", fmt::format("${}", index));
    return result;
  }

  Json condition_of(const WatsonNode& node) {
    const std::string_view own = string_member(*node.json, "conditions");
    if (own.empty()) {
      language_.note(node.path, Severity::kInfo, fmt::format("'{}' has no condition: only jumps reach it", node.id));
      return make_string("false");
    }
    if (node.guards.empty()) return language_.condition(own, node.path);
    Json all = make_array();
    for (const std::string_view guard : node.guards) push(all, language_.condition(guard, node.path));
    push(all, language_.condition(own, node.path));
    Json condition = make_object();
    set(condition, "and", std::move(all));
    return condition;
  }

  void emit_level(const std::string& id, const std::vector<std::size_t>& members, std::size_t from,
                  const std::string& otherwise) {
    Json entries = make_array();
    std::vector<std::string> targets;
    for (std::size_t i = from; i < members.size(); ++i) {
      const WatsonNode& node = tree_.nodes()[members[i]];
      if (string_member(*node.json, "conditions") == "conversation_start") continue;
      push(entries, entry(condition_of(node), targets.size()));
      targets.push_back(bodies_[members[i]]);
    }
    Json content = make_object();
    set(content, "conditions", std::move(entries));
    set(content, "else", "default");
    draft_.add_node(id, "condition", std::move(content));
    for (std::size_t i = 0; i < targets.size(); ++i) draft_.connect(id, fmt::format("${}", i), targets[i]);
    draft_.connect(id, "default", otherwise);
  }

  void emit_levels() {
    while (!unwritten_levels_.empty()) {
      const Level next = unwritten_levels_.back();
      unwritten_levels_.pop_back();
      const WatsonNode& node = tree_.nodes()[next.first];
      const std::vector<std::size_t>& members = tree_.siblings_of(node);
      std::size_t from = 0;
      while (from < members.size() && members[from] != next.first) ++from;
      emit_level(levels_.at(next), members, from, next.answered && node.parent != kRoot ? root_ : listen_);
    }
  }

  void emit_root() {
    emit_level(root_, tree_.top(), 0, listen_);
    WatsonChain chain(draft_, listen_, "");
    const Json nothing = make_array();
    chain.ask(nothing, root_);
  }

  void enter() {
    for (const std::size_t index : tree_.top()) {
      const std::string_view conditions = string_member(*tree_.nodes()[index].json, "conditions");
      if (conditions == "conversation_start" || conditions == "welcome") {
        draft_.entry(bodies_[index]);
        return;
      }
    }
    draft_.entry(listen_);
    draft_.note("dialog_nodes", Severity::kInfo, "no node starts the conversation: it begins by listening");
  }

  void report_what_differs() {
    draft_.note("intents", Severity::kWarning,
                "there is no classifier here: an intent is recognised when one of its training examples is said, alone "
                "or within more; replace "
                "the conditions named 'intent …' to use one");
    draft_.note("entities", Severity::kInfo,
                "entities are recognised by their values, synonyms and patterns, without fuzzy matching");
    draft_.note("dialog_nodes", Severity::kInfo,
                "context is kept in variables; a conversation ends when its session does, as there");
    for (const WatsonNode& node : tree_.nodes()) {
      if (!string_member(*node.json, "digress_in").empty() || !string_member(*node.json, "digress_out").empty()) {
        draft_.note("dialog_nodes", Severity::kWarning,
                    "digressions do not return: an answer understood at the top continues there");
        break;
      }
    }
  }

  const Json& workspace_;
  Draft draft_;
  WatsonTree tree_;
  WatsonLanguage language_;
  std::vector<std::string> bodies_;
  std::map<Level, std::string> levels_;
  std::vector<Level> unwritten_levels_;
  std::string root_;
  std::string listen_;
};

}  // namespace

Imported import_watson(const Json& document) {
  // A skill wraps its workspace.
  const Json* inner = find(document, "workspace");
  return WatsonImport(inner != nullptr && inner->IsObject() ? *inner : document).run();
}

}  // namespace sluice::flow::importing
