#include "core/flow/validate/rule_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/base/errors.h"

namespace sluice::flow {
namespace {

constexpr std::array<std::string_view, 16> kParts{
    "graph",  "node",      "connection", "cycle",    "message", "question",  "condition", "branch",
    "action", "composite", "expression", "variable", "request", "reference", "subflow",   "setting"};
constexpr std::array<std::string_view, 7> kMembers{"name",       "is_active", "part", "severity",
                                                   "expression", "message",   "fix"};

[[noreturn]] void refuse(const std::string& which, const std::string& why) {
  throw Error(fmt::format("{}: {}", which, why),
              "rules are a list of {\"name\", \"part\", \"severity\", \"expression\", \"message\", \"fix\"} and of "
              "{\"name\", \"is_active\": false}");
}

bool is_off(const Json& entry, const std::string& which) {
  const Json* active = find(entry, "is_active");
  if (active == nullptr || active->IsTrue()) return false;
  if (!active->IsFalse()) refuse(which, "is_active is neither true nor false");
  return true;
}

Rule own_rule(const Json& entry, const std::string& which) {
  Rule rule{.name = std::string(string_member(entry, "name")),
            .severity = Severity::kError,
            .on = std::string(string_member(entry, "part")),
            .when = std::string(string_member(entry, "expression")),
            .message = std::string(string_member(entry, "message")),
            .fix = std::string(string_member(entry, "fix"))};
  if (std::ranges::find(kParts, rule.on) == kParts.end())
    refuse(which, fmt::format("the part '{}' is unknown; parts are {}", rule.on, fmt::join(kParts, ", ")));
  const auto severity = severity_from(string_member(entry, "severity"));
  if (!severity) refuse(which, "the severity is not ERROR, WARNING or INFO");
  rule.severity = *severity;
  if (rule.when.empty() || rule.message.empty()) refuse(which, "the expression or the message is missing");
  return rule;
}

}  // namespace

void add_rules(const Json& list, ValidateOptions& options) {
  if (!list.IsArray()) refuse("the rules", "they are not a list");
  for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
    const Json& entry = list[i];
    const std::string_view name = string_member(entry, "name");
    const std::string which = name.empty() ? fmt::format("rule {}", i + 1) : fmt::format("rule '{}'", name);
    if (name.empty()) refuse(which, "it has no name");
    for (const auto& member : entry.GetObject()) {
      if (std::ranges::find(kMembers, text_of(member.name)) == kMembers.end())
        refuse(which, fmt::format("it has no member '{}'", text_of(member.name)));
    }
    if (is_off(entry, which)) {
      options.switched_off.emplace(name);
    } else {
      options.more.push_back(own_rule(entry, which));
    }
  }
}

}  // namespace sluice::flow
