// Verbs for tests of flows: write JSON short, build a flow, talk to it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/flow/conversation.h"
#include "core/flow/engine.h"
#include "core/flow/path.h"

namespace sluice::flow {

inline Json json(std::string_view text) {
  auto value = parse_json(text);
  if (!value) ADD_FAILURE() << text << ": " << value.error().message;
  return value ? std::move(*value) : Json();
}

// JSON with ' for ", which reads better in C++.
inline Json j(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return json(text);
}

// A file of ../shared/cases, or null when the folder is not beside the source tree.
inline Json shared_cases(const std::string& name) {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/cases/" + name);
  if (!file) return {};
  std::stringstream text;
  text << file.rdbuf();
  return json(text.str());
}

inline FlowSet flow_set(const Json& document) {
  return {.main = Flow::from_json(document), .subflows = {}, .pins = {}};
}

// A flow from nodes "id type content" and edges "from label to".
struct FlowText {
  std::string nodes{}, edges{}, rest{};

  FlowText& node(const std::string& id, const std::string& type, const std::string& content = "{}") {
    nodes +=
        (nodes.empty() ? "" : ",") + ("{'node_id':'" + id + "','node_type':'" + type + "','content':" + content + "}");
    if (entry.empty()) entry = id;
    return *this;
  }
  FlowText& edge(const std::string& from, const std::string& to, const std::string& label = "default",
                 const std::string& more = "") {
    edges +=
        (edges.empty() ? "" : ",") + ("{'source_node_id':'" + from + "','target_node_id':'" + to +
                                      "','connection_type':'" + label + "'" + (more.empty() ? "" : "," + more) + "}");
    return *this;
  }
  FlowText& with(const std::string& members) {
    rest += "," + members;
    return *this;
  }
  [[nodiscard]] Json document() const {
    return j("{'name':'test','entry_node_id':'" + entry + "','nodes':[" + nodes + "],'connections':[" + edges + "]" +
             rest + "}");
  }
  std::string entry{};
};

constexpr Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 3 / 4);

// A conversation that remembers what was said, and answers requests from a list.
class Talk {
 public:
  explicit Talk(FlowSet flows, Json state = make_object(), const ContentSource* content = nullptr,
                std::uint64_t seed = 0)
      : flows_(std::move(flows)),
        conversation_(
            flows_, std::move(state), kNow, [this](const std::string&, const HttpCall& call) { return respond(call); },
            seed, content) {}
  explicit Talk(const FlowText& text, Json state = make_object()) : Talk(flow_set(text.document()), std::move(state)) {}

  Talk& answers(int status, std::string body) {
    HttpOutcome outcome;
    outcome.status = status;
    outcome.body = std::move(body);
    outcomes_.push_back(std::move(outcome));
    return *this;
  }
  Talk& fails(std::string error) {
    HttpOutcome outcome;
    outcome.error = std::move(error);
    outcomes_.push_back(std::move(outcome));
    return *this;
  }
  Talk& start() { return take(conversation_.start()); }
  Talk& say(const std::string& input) { return take(conversation_.input(j(input))); }
  Talk& wait() { return take(conversation_.timeout()); }

  [[nodiscard]] std::string node() const { return session().current_node; }
  [[nodiscard]] std::string status() const { return std::string(to_text(session().status)); }
  [[nodiscard]] std::string state(std::string_view path) const;
  [[nodiscard]] std::string info(std::string_view path) const;
  [[nodiscard]] const Session& session() const { return conversation_.session(); }
  [[nodiscard]] const Conversation& conversation() const { return conversation_; }

  std::vector<Step> steps;         // of the last verb
  std::vector<std::string> texts;  // said by the last verb
  std::vector<HttpCall> calls;     // made so far

 private:
  Talk& take(std::vector<Step> taken) {
    steps = std::move(taken);
    texts.clear();
    for (const Step& step : steps) {
      for (const Message& message : step.messages) texts.emplace_back(string_member(message.content, "text"));
    }
    return *this;
  }
  HttpOutcome respond(const HttpCall& call) {
    calls.push_back(call);
    if (outcomes_.empty()) return {};
    HttpOutcome outcome = outcomes_.front();
    if (outcomes_.size() > 1) outcomes_.erase(outcomes_.begin());
    return outcome;
  }

  FlowSet flows_;
  std::vector<HttpOutcome> outcomes_;
  Conversation conversation_;
};

// The value at a path as JSON with ' for ", "-" when there is none.
inline std::string shown_at(const Json& root, std::string_view path) {
  const Json* value = at_path(root, path);
  if (value == nullptr) return "-";
  std::string text = to_text(*value);
  std::replace(text.begin(), text.end(), '"', '\'');
  return text;
}
inline std::string Talk::state(std::string_view path) const {
  return shown_at(session().state, path);
}
inline std::string Talk::info(std::string_view path) const {
  return shown_at(session().info, path);
}

}  // namespace sluice::flow
