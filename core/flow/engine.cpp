#include "core/flow/engine.h"

#include <fmt/format.h>

#include "core/flow/run.h"
#include "core/flow/session.h"

namespace sluice::flow {
namespace {

std::string describe(const Json& wait) {
  const auto what = string_member(wait, "for");
  if (what.empty()) return "the session waits for nothing";
  return fmt::format("the session waits for {} ({})", what, string_member(wait, "key"));
}

// Why the trigger does not fit, empty when it does.
std::string misfit(const FlowSet& flows, const Session& session, const Start& /*start*/) {
  const auto key = string_member(session.wait, "key");
  if (session.wait.IsNull() && session.current_node.empty()) return {};
  if (session.wait.IsNull() && session.revision == 1) return {};
  if (key == wait_key(session.id, flows.main->entry, 1)) return {};
  return "the session has started already: " + describe(session.wait);
}

std::string misfit(const FlowSet& /*flows*/, const Session& session, const Input& /*input*/) {
  return string_member(session.wait, "for") == "input" ? std::string() : describe(session.wait);
}

std::string misfit(const FlowSet& /*flows*/, const Session& session, const Timeout& timeout) {
  const bool due = !session.wait.IsNull() && string_member(session.wait, "key") == timeout.key;
  return due ? std::string()
             : fmt::format("the deadline of {} has passed, but {}", timeout.key, describe(session.wait));
}

std::string misfit(const FlowSet& /*flows*/, const Session& /*session*/, const Abandon& /*abandon*/) {
  return {};
}

}  // namespace

std::variant<Step, Discarded> step(const FlowSet& flows, const Session& session,
                                   const std::variant<Start, Input, Timeout, Abandon>& trigger,
                                   const Context& context) {
  if (session.status != Status::kActive) return Discarded{fmt::format("the session is {}", to_text(session.status))};
  const std::string reason = std::visit([&](const auto& what) { return misfit(flows, session, what); }, trigger);
  if (!reason.empty()) return Discarded{reason};
  Run run(flows, session.copy(), context);
  if (std::holds_alternative<Start>(trigger)) run.start();
  if (const auto* input = std::get_if<Input>(&trigger)) run.input(input->value);
  if (std::holds_alternative<Timeout>(trigger)) run.timeout();
  if (std::holds_alternative<Abandon>(trigger)) run.abandon();
  return run.take();
}

}  // namespace sluice::flow
