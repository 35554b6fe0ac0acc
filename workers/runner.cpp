#include "workers/runner.h"

#include <fmt/format.h>

#include "core/base/backoff.h"
#include "core/flow/secrets.h"
#include "core/flow/session.h"
#include "sql/sql_text.h"
#include "workers/http_task.h"

namespace sluice::workers {
namespace {

flow::Context context_of(const ClaimedTask& task, const Material& material, Timestamp now) {
  return {.now = now, .seed = task.session ? flow::seed_of(task.session->id) : 0, .content = material.content.get()};
}

Outcome discarded(std::string reason) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kDiscarded;
  outcome.error = std::move(reason);
  return outcome;
}

// A node whose own work failed took its failure edge in the step; the task is recorded as failed all the same.
Outcome outcome_of(std::variant<flow::Step, flow::Discarded> result, bool of_node) {
  if (auto* gone = std::get_if<flow::Discarded>(&result)) return discarded(std::move(gone->reason));
  Outcome outcome;
  outcome.step = std::move(std::get<flow::Step>(result));
  if (of_node && !outcome.step->error.empty()) {
    outcome.kind = Outcome::Kind::kFailed;
    outcome.error = outcome.step->error;
  }
  return outcome;
}

// FLOW 8: what the worker checks before it runs anything. Empty: all is well.
std::string why_not(const ClaimedTask& task) {
  if (!task.session) return "its session is gone";
  const flow::Session& session = *task.session;
  if (session.status != flow::Status::kActive) return fmt::format("its session is {}", flow::to_text(session.status));
  if (task.kind == "action" || task.kind == "webhook" || task.kind == "start") {
    if (task.key.empty() || string_member(session.wait, "key") != task.key || task.revision != session.revision) {
      return fmt::format("its session is at revision {} and no longer waits for it", session.revision);
    }
  }
  return {};
}

flow::HttpOutcome http_outcome(http::Response response) {
  flow::HttpOutcome outcome;
  outcome.status = response.failure == http::Failure::kNone || response.is_2xx() ? response.status : 0;
  outcome.body = std::move(response.body);
  outcome.error = http::name_of(response.failure);
  if (!response.refusal.empty()) outcome.error += ": " + response.refusal;  // the guard's own words, safe to show
  outcome.cut = response.cut;
  return outcome;
}

// A timer fires lazily: what it guarded may be over, or the session may have been used since.
Ending run_timer(const ClaimedTask& task, const Material& material, Timestamp now) {
  const flow::Session& session = *task.session;
  const flow::FlowSet& flows = *material.flows;
  if (task.key == "session") {
    const auto timeout = flows.main->session_timeout();
    if (timeout.count() == 0) return discarded("its flow has no session timeout");
    const auto idle = now - task.last_activity_at;
    if (idle < timeout) return Postpone{std::chrono::ceil<std::chrono::milliseconds>(timeout - idle)};
    return outcome_of(flow::step(flows, session, flow::Abandon{}, context_of(task, material, now)), false);
  }
  if (string_member(session.wait, "key") != task.key)
    return discarded("its session no longer waits for what it guarded");
  return outcome_of(flow::step(flows, session, flow::Timeout{task.key}, context_of(task, material, now)), false);
}

// What needs no request: start, input, timer.
Ending run_engine(const ClaimedTask& task, const Material& material, Timestamp now) {
  const flow::Context context = context_of(task, material, now);
  Ending ending;
  if (task.kind == "start") {
    ending = outcome_of(flow::step(*material.flows, *task.session, flow::Start{}, context), false);
  } else if (task.kind == "input") {
    ending = outcome_of(flow::step(*material.flows, *task.session, flow::Input{clone(task.payload)}, context), false);
  } else {
    ending = run_timer(task, material, now);
  }
  if (auto* outcome = std::get_if<Outcome>(&ending)) outcome->material = material;
  return ending;
}

}  // namespace

Task<Ending> Runner::run(ClaimedTask& task) {
  if (!task.of_session()) {
    if (task.kind == "sql") co_return co_await sql_tasks_.run(task);
    Task<Ending> work = task.kind == "http" ? run_http(task) : run_cron(task);
    co_return co_await std::move(work);
  }
  if (!why_not(task).empty()) co_await read_again(task);
  if (std::string reason = why_not(task); !reason.empty()) co_return discarded(std::move(reason));
  Material material;
  material.flows = co_await flows_.get(task.flow_version);
  material.content = co_await contents_.get(material.flows);
  if (task.kind == "action" || task.kind == "webhook") co_return co_await run_node(task, std::move(material));
  co_return run_engine(task, material, clock_.now());
}

Task<void> Runner::read_again(ClaimedTask& task) {
  pg::Lease connection = co_await pool_.acquire();
  const pg::Result rows =
      co_await connection->query(sql::query("load_claimed_session"), pg::Params().int8(task.id).int8(task.token));
  if (rows.empty()) co_return;  // the claim is another's, or the session is gone
  read_session(task, rows[0]);
  task.revision = rows[0].get<std::optional<int>>("task_revision");
  task.node_id = rows[0].get<std::optional<std::string>>("node_id").value_or("");
  task.key = rows[0].get<std::optional<std::string>>("key").value_or("");
}

// The session's state goes over into the step: nothing asks for it any more, or it is read again.
Task<Ending> Runner::run_node(ClaimedTask& task, Material material) {
  const flow::Context context = context_of(task, material, clock_.now());
  auto run = std::make_shared<flow::NodeRun>(*material.flows, *task.session, task.key, context);
  while (std::optional<flow::HttpCall> call = run->next_call()) {
    const flow::HttpCall::Retry policy = call->retry;
    const bool has_fallback = call->has_fallback;
    auto response = co_await send_by_breaker(task, std::move(*call));
    if (!response) {
      if (!has_fallback) co_return Postpone{response.error()};
      flow::HttpOutcome refused;
      refused.error = "circuit_open";
      run->give(std::move(refused));
      continue;
    }
    const std::string retry_after = response->retry_after;
    flow::HttpOutcome outcome = http_outcome(std::move(*response));
    if (flow::NodeRun::may_pass(outcome) && task.attempt < policy.attempts) {
      co_return Retry{node_retry_delay(policy, task.attempt, retry_after, clock_.now()), attempt_error(outcome)};
    }
    run->give(std::move(outcome));
  }
  Outcome outcome = outcome_of(run->finish_last(*task.session, context), true);
  outcome.run = std::move(run);
  outcome.material = std::move(material);
  co_return outcome;
}

Ending Runner::again(const ClaimedTask& task, const Outcome& before) const {
  if (std::string reason = why_not(task); !reason.empty()) return discarded(std::move(reason));
  if (before.run == nullptr)
    return before.material.flows != nullptr ? run_engine(task, before.material, clock_.now())
                                            : after_fault(task, before.error);
  Outcome outcome =
      outcome_of(before.run->finish(*task.session, context_of(task, before.material, clock_.now())), true);
  outcome.run = before.run;
  outcome.material = before.material;
  return outcome;
}

// The response, or how long the breaker is open.
Task<std::expected<http::Response, std::chrono::milliseconds>> Runner::send_by_breaker(const ClaimedTask& task,
                                                                                       flow::HttpCall call) {
  const BreakerCall guarded{.key = breaker_key(call, client_.guard()),
                            .limits = call.breaker,
                            .timeout = call.timeout,
                            .process = task.claimant->id};
  const Admission admission = co_await breakers_.admit(guarded);
  if (!admission.allowed) co_return std::unexpected(admission.wait);
  http::Response response = co_await send(task, std::move(call));
  co_await breakers_.report(guarded, admission, did_well(response));
  co_return response;
}

Task<http::Response> Runner::send(const ClaimedTask& task, flow::HttpCall call) {
  const auto filled = flow::put_secrets(call, [this](std::string_view key) { return secrets_.find(key); });
  if (!filled) {
    http::Response refused;
    refused.failure = http::Failure::kRefusedRequest;
    refused.refusal = "the secret " + filled.error() + " is not known to this worker";
    co_return refused;
  }
  co_return co_await client_.send(request_of(std::move(call), task.correlation_id));
}

Task<Ending> Runner::run_http(const ClaimedTask& task) {
  std::expected<flow::HttpCall, std::string> call = http_task_call(task);
  if (!call) {
    Outcome outcome;
    outcome.kind = Outcome::Kind::kFailed;
    outcome.error = call.error();
    co_return outcome;
  }
  const auto response = co_await send_by_breaker(task, std::move(*call));
  if (!response) co_return Postpone{response.error()};
  co_return http_task_result(task, *response, clock_.now());
}

// Enqueues what is due and sets the schedule's next task, in one transaction that the token guards.
Task<Ending> Runner::run_cron(const ClaimedTask& task) {
  pg::Lease connection = co_await pool_.acquire();
  (void)co_await connection->query(sql::query("fire_schedule"), pg::Params().int8(task.id).int8(task.token));
  co_return Committed{};
}

}  // namespace sluice::workers
