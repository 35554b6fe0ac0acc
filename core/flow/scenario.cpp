#include "core/flow/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/flow/conversation.h"
#include "core/flow/path.h"

namespace sluice::flow {
namespace {

// Scenarios have no clock: every one begins at the same moment.
constexpr Time kBegin = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

std::string shown(const Json& value) {
  return value.IsString() ? std::string(text_of(value)) : to_text(value);
}

class Scenario {
 public:
  Scenario(const FlowSet& flows, const Json& description)
      : description_(description),
        conversation_(flows, initial_state(description), kBegin,
                      [this](const std::string& node, const HttpCall& call) { return answer(node, call); }) {}

  ScenarioResult run() {
    result_.name = string_member(description_, "name", "unnamed");
    const Json* steps = find(description_, "steps");
    if (steps == nullptr || !steps->IsArray()) {
      differ("steps", "a list", "none");
      return std::move(result_);
    }
    for (const auto& entry : steps->GetArray()) {
      play(entry);
      check(entry);
      if (!result_.differences.empty()) break;
      ++result_.steps;
    }
    return std::move(result_);
  }

 private:
  static Json initial_state(const Json& description) {
    const Json* state = find(description, "state");
    return state != nullptr && state->IsObject() ? clone(*state) : make_object();
  }

  void play(const Json& entry) {
    texts_.clear();
    const Json* input = find(entry, "input");
    const Json* timeout = find(entry, "timeout");
    const bool passive = input == nullptr && (timeout == nullptr || !timeout->IsTrue());
    if (!started_) hear(conversation_.start());
    const bool first = !started_;
    started_ = true;
    if (passive && !first) return differ("input", "an input or a timeout", "neither");
    if (passive) return;
    if (!first || !conversation_.discarded().empty()) texts_.clear();
    if (input != nullptr) {
      result_.transcript.push_back("> " + shown(*input));
      hear(conversation_.input(*input));
    } else {
      result_.transcript.emplace_back("> (nothing until the deadline)");
      hear(conversation_.timeout());
    }
    if (!conversation_.discarded().empty()) differ("input", "to be taken", conversation_.discarded());
  }

  void hear(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      for (const Message& message : step.messages) {
        const auto text = string_member(message.content, "text");
        texts_.append(text.empty() ? to_text(message.content) : std::string(text)).append("\n");
        result_.transcript.push_back(
            fmt::format("{}: {}", message.node_id, text.empty() ? to_text(message.content) : text));
      }
      if (!step.error.empty()) result_.transcript.push_back("! " + step.error);
    }
  }

  void check(const Json& entry) {
    const Session& session = conversation_.session();
    if (const auto node = string_member(entry, "expect_node"); !node.empty() && node != session.current_node) {
      differ("expect_node", std::string(node), session.current_node);
    }
    if (const auto text = string_member(entry, "expect_text_contains"); texts_.find(text) == std::string::npos) {
      differ("expect_text_contains", std::string(text), texts_);
    }
    if (const auto text = string_member(entry, "expect_text_not_contains");
        !text.empty() && texts_.find(text) != std::string::npos) {
      differ("expect_text_not_contains", std::string(text), texts_);
    }
    if (const auto status = string_member(entry, "expect_status");
        !status.empty() && status != to_text(session.status)) {
      differ("expect_status", std::string(status), std::string(to_text(session.status)));
    }
    const Json* values = find(entry, "expect_state");
    if (values == nullptr || !values->IsObject()) return;
    for (const auto& member : values->GetObject()) {
      const Json* actual = at_path(session.state, scoped(text_of(member.name)));
      if (actual != nullptr && equal(*actual, member.value)) continue;
      differ(fmt::format("expect_state {}", text_of(member.name)), to_text(member.value),
             actual != nullptr ? to_text(*actual) : "nothing");
    }
  }

  HttpOutcome answer(const std::string& node, const HttpCall& call) {
    const Json* mocks = find(description_, "mocks");
    const Json* mock = mocks != nullptr ? find(*mocks, node) : nullptr;
    if (mock != nullptr && mock->IsArray() && !mock->Empty()) {
      mock = &(*mock)[std::min<rapidjson::SizeType>(requests_[node]++, mock->Size() - 1)];
    }
    if (mock == nullptr) {
      HttpOutcome missing;
      missing.error = "no_mock";
      differ("mocks", fmt::format("a response for {}", node),
             fmt::format("none, but it asked {} {}", call.method, call.url));
      return missing;
    }
    HttpOutcome outcome;
    outcome.error = string_member(*mock, "error");
    const Json* status = find(*mock, "status");
    if (outcome.error.empty()) outcome.status = status != nullptr && status->IsInt() ? status->GetInt() : 200;
    if (const Json* body = find(*mock, "body")) outcome.body = shown(*body);
    return outcome;
  }

  void differ(std::string what, std::string expected, std::string actual) {
    result_.differences.push_back({result_.steps, std::move(what), std::move(expected), std::move(actual)});
  }

  const Json& description_;
  ScenarioResult result_;
  std::string texts_;  // of the current step, a line each
  std::map<std::string, rapidjson::SizeType> requests_;
  bool started_ = false;
  Conversation conversation_;
};

}  // namespace

std::vector<ScenarioResult> run_scenarios(const FlowSet& flows, const Json& document) {
  std::vector<ScenarioResult> results;
  const Json* scenarios = find(document, "test_scenarios");
  if (scenarios == nullptr || !scenarios->IsArray()) return results;
  for (const auto& description : scenarios->GetArray()) results.push_back(Scenario(flows, description).run());
  return results;
}

}  // namespace sluice::flow
