// The nodes of ours that one RapidPro node becomes, in order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/draft.h"

namespace sluice::flow::importing {

// Where a case leads, and the category that it means.
struct RapidproWay {
  std::string target;
  std::string category;
};

class RapidproChain {
 public:
  RapidproChain(Draft& draft, std::string first, std::string path)
      : draft_(draft), first_(std::move(first)), path_(std::move(path)) {}

  void place(const Json& position);  // {left, top}

  // One action of theirs. What has no counterpart is reported and left out.
  void add(const Json& action, const std::string& path);
  // Whether the last thing done was a request or a sub-flow, whose outcome the router asks for.
  [[nodiscard]] bool calls() const { return calls_; }

  void set_value(const std::string& variable, std::string_view value);
  // A question with the text said last, if any; `late` is where its timeout leads.
  void ask(Json content, const std::string& late);
  // Entries lead to their ways in turn. With `category` a variable, each way first stores its category there.
  void branch(Json entries, const std::vector<RapidproWay>& ways, const RapidproWay& otherwise,
              const std::string& category);
  void lead_to(const std::string& target);
  void lead_to_outcome(const std::string& good, const std::string& bad);

 private:
  void say(const Json& action, const std::string& path);
  void act(Json action);
  void request(const Json& action, const std::string& path);
  void flush();
  void node(std::string_view suffix, std::string_view type, Json content, std::string_view onward);
  [[nodiscard]] std::string through_category(const RapidproWay& way, const std::string& category);

  Draft& draft_;
  std::string first_;
  std::string path_;
  Json position_;
  Json messages_ = make_array();  // said, not yet a node
  Json actions_ = make_array();   // done, not yet a node
  std::string last_;
  std::string onward_;
  bool calls_ = false;
};

}  // namespace sluice::flow::importing
