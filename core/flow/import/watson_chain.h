// The chain of nodes that one dialog node becomes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

// Nodes one after another. The first takes the name given, the others are named after it. End it with ask or lead_to.
class WatsonChain {
 public:
  WatsonChain(Draft& draft, std::string first, std::string source)
      : draft_(draft), first_(std::move(first)), source_(std::move(source)), name_(first_) {}

  [[nodiscard]] const std::string& first() const { return first_; }
  [[nodiscard]] Draft& draft() { return draft_; }

  void act(Json actions);
  void say(Json messages);
  void question(Json content);
  // A condition whose entry N leads to targets[N]; its default edge is the next link of the chain. Returns the node.
  std::string branch(Json entries, const std::vector<std::string>& targets);

  // The next node of the chain has this identifier, so that other nodes can lead there.
  void name_next(const std::string& id);

  // Says all but the last text, asks that, and leads to `target` with the answer.
  void ask(const Json& messages, const std::string& target);
  // A chain without nodes becomes one that only passes on.
  void lead_to(const std::string& target);

 private:
  void add(std::string_view suffix, std::string_view type, Json content, std::string_view onward);
  void pass_on();

  Draft& draft_;
  std::string first_;
  std::string source_;
  std::string name_;  // of the next node, empty: any
  std::string last_;
  std::string onward_;  // the label that leads on from last_
};

}  // namespace sluice::flow::importing
