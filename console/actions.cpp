#include "console/actions.h"

#include <algorithm>

#include "core/base/json.h"

namespace sluice::console {
namespace {

enum class Target { kNumber, kId, kIdAndTimes };

struct Action {
  std::string_view things;
  std::string_view name;
  std::string_view statement;
  Target target;
};

constexpr Action kActions[] = {
    {"tasks", "retry", "console_retry_task", Target::kNumber},
    {"tasks", "discard", "console_discard_task", Target::kNumber},
    {"deliveries", "retry", "console_retry_delivery", Target::kNumber},
    {"deliveries", "discard", "console_discard_delivery", Target::kNumber},
    {"endpoints", "enable", "console_enable_endpoint", Target::kId},
    {"endpoints", "disable", "console_disable_endpoint", Target::kId},
    {"endpoints", "ping", "console_ping_endpoint", Target::kId},
    {"endpoints", "replay", "console_replay_endpoint", Target::kIdAndTimes},
};

std::unexpected<Refusal> bad(std::string message, std::string hint) {
  return std::unexpected(Refusal{400, "bad_request", std::move(message), std::move(hint)});
}

std::expected<void, Refusal> add_times(const Json& body, pg::Params& params) {
  const std::optional<Timestamp> since = parse_rfc3339(string_member(body, "since"));
  if (!since) return bad("since is no time", "give it as 2026-01-02T03:04:05Z");
  const Json* given = find(body, "until");
  const bool open = given == nullptr || given->IsNull();
  const std::optional<Timestamp> until = open ? std::nullopt : parse_rfc3339(string_member(body, "until"));
  if (!open && !until) return bad("until is no time", "give it as 2026-01-02T03:04:05Z, or null for now");
  params.timestamptz(since).timestamptz(until);
  return {};
}

}  // namespace

std::expected<Question, Refusal> action_for(std::span<const std::string> words, std::string_view body) {
  const auto* found =
      words.size() != 3 ? std::end(kActions) : std::ranges::find_if(kActions, [&](const Action& action) {
        return action.things == words[0] && action.name == words[2];
      });
  if (found == std::end(kActions)) {
    return std::unexpected(Refusal{404, "not_found", "there is no such action", "docs/console.md lists the actions"});
  }
  const auto document = parse_json(body, {.max_bytes = body.size(), .max_depth = 8});
  if (!document || !document->IsObject())
    return bad("the body is no JSON object", "send {} when there is nothing to say");
  Question question{found->statement, {}};
  if (found->target == Target::kNumber) {
    const auto id = number_in(words[1]);
    if (!id) return std::unexpected(id.error());
    question.params.int8(*id);
    return question;
  }
  const auto id = id_in(words[1]);
  if (!id) return std::unexpected(id.error());
  question.params.uuid(*id);
  if (found->target == Target::kIdAndTimes) {
    if (auto done = add_times(*document, question.params); !done) return std::unexpected(done.error());
  }
  return question;
}

}  // namespace sluice::console
