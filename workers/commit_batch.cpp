#include "workers/commit_batch.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/canonical_json.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using OptionalText = std::optional<std::string>;
using OptionalView = std::optional<std::string_view>;
using Place = std::optional<std::int32_t>;

// Values of which many are the same in a batch: each is sent, and read by the server, once.
class Documents {
 public:
  // From 1, as arrays count.
  std::int32_t place_of(std::string text) {
    const auto [found, is_new] = places_.try_emplace(std::move(text), static_cast<std::int32_t>(texts_.size()) + 1);
    if (is_new) texts_.emplace_back(found->first);
    return found->second;
  }
  [[nodiscard]] const std::vector<std::string_view>& texts() const { return texts_; }

 private:
  std::unordered_map<std::string, std::int32_t> places_;
  std::vector<std::string_view> texts_;  // the keys of places_
};

// The arrays of commit_steps, one entry a task; history is flattened (sql/api/steps.sql). Views are of the batch, which
// outlives them.
struct Columns {
  std::vector<std::int64_t> ids, tokens;
  std::vector<std::string_view> outcomes;
  std::vector<std::optional<std::int32_t>> revisions;
  std::vector<OptionalText> states, hashes, waits;
  std::vector<OptionalView> wait_keys, wait_nodes, nodes, statuses, next_kinds, next_nodes, errors;
  std::vector<Place> stacks, infos, results;
  std::vector<std::optional<Timestamp>> deadlines;
  std::vector<std::int32_t> history_steps;
  std::vector<std::string_view> history_nodes, history_types;
  std::vector<std::int32_t> history_contents;
  Documents documents;

  void add(const ClaimedTask& task, const Outcome& outcome) {
    ids.push_back(task.id);
    tokens.push_back(task.token);
    outcomes.emplace_back(to_text(outcome.kind));
    add_wait(task);
    results.push_back(outcome.result.IsNull() ? Place() : place_of(outcome.result));
    errors.push_back(outcome.error.empty() ? OptionalView() : outcome.error);
    if (outcome.step) {
      add_step(task, *outcome.step);
    } else {
      add_unmoved(task);
    }
  }

  [[nodiscard]] pg::Params params(std::int64_t process, int take_on) const {
    pg::Params params;
    params.int8(process).int8_array(ids).int8_array(tokens).text_array(outcomes);
    params.text_array(wait_keys).text_array(wait_nodes);
    params.int4_array(revisions).jsonb_text_array(states).text_array(hashes).text_array(nodes);
    params.int4_array(stacks).jsonb_text_array(waits).int4_array(infos).text_array(statuses);
    params.text_array(next_kinds).text_array(next_nodes).timestamptz_array(deadlines);
    params.int4_array(results).text_array(errors);
    params.int4_array(history_steps).text_array(history_nodes).text_array(history_types).int4_array(history_contents);
    params.jsonb_text_array(documents.texts()).int4(take_on);
    return params;
  }

 private:
  void add_wait(const ClaimedTask& task) {
    const bool waiting = task.session && !task.session->wait.IsNull();
    wait_keys.push_back(waiting ? OptionalView(string_member(task.session->wait, "key")) : OptionalView());
    wait_nodes.push_back(waiting ? OptionalView(task.session->current_node) : OptionalView());
  }

  static OptionalText to_text_of(const Json& value) { return sluice::to_text(value); }
  std::int32_t place_of(const Json& value) { return documents.place_of(sluice::to_text(value)); }
  Place place_if_changed(const Json& now, const Json& before) { return now == before ? Place() : place_of(now); }

  void add_step(const ClaimedTask& task, const flow::Step& step) {
    const flow::Session& session = step.session;
    revisions.emplace_back(task.session->revision);
    states.push_back(to_text_of(session.state));
    hashes.emplace_back(state_hash_stored(session.state));
    nodes.emplace_back(session.current_node);
    stacks.push_back(place_if_changed(session.stack, task.session->stack));
    waits.push_back(session.wait.IsNull() ? OptionalText() : to_text_of(session.wait));
    infos.push_back(place_if_changed(session.info, task.session->info));
    statuses.emplace_back(flow::to_text(session.status));
    next_kinds.push_back(step.task ? OptionalView(step.task->kind) : OptionalView());
    next_nodes.push_back(step.task ? OptionalView(step.task->node_id) : OptionalView());
    deadlines.push_back(step.deadline);
    const auto place = static_cast<std::int32_t>(ids.size());
    for (const flow::HistoryRow& row : step.history) {
      history_steps.push_back(place);
      history_nodes.push_back(row.node_id);
      history_types.push_back(row.interaction_type);
      history_contents.push_back(place_of(row.content));
    }
  }

  // The session keeps everything but its revision when it is there at all (a dead letter); else these are not looked
  // at.
  void add_unmoved(const ClaimedTask& task) {
    const bool has_session = task.session.has_value();
    revisions.push_back(has_session ? std::optional<std::int32_t>(task.session->revision) : std::nullopt);
    for (auto* column : {&states, &hashes}) column->emplace_back();
    for (auto* column : {&nodes, &next_kinds, &next_nodes}) column->emplace_back();
    for (auto* column : {&stacks, &infos}) column->emplace_back();
    waits.push_back(has_session && !task.session->wait.IsNull() ? to_text_of(task.session->wait) : OptionalText());
    statuses.push_back(has_session ? OptionalView(flow::to_text(task.session->status)) : OptionalView());
    deadlines.emplace_back();
  }
};

// The tasks that go back, with what the statement wants of each.
struct Returned {
  std::vector<std::int64_t> ids, tokens, delays;
  std::vector<std::string> errors;

  void add(const ClaimedTask& task, std::chrono::milliseconds delay, std::string_view error) {
    ids.push_back(task.id);
    tokens.push_back(task.token);
    delays.push_back(delay.count());
    errors.emplace_back(error);
  }
};

bool may_be_taken_on(const Disposition& disposition, int max_taken_on) {
  const auto* outcome = std::get_if<Outcome>(&disposition.what);
  return outcome != nullptr && outcome->kind == Outcome::Kind::kStep && outcome->step && outcome->step->task &&
         disposition.task.kind != "timer" && disposition.task.taken_on < max_taken_on;
}

}  // namespace

BatchStatements add_statements(pg::Pipeline& pipeline, std::span<const Disposition> batch, std::int64_t process,
                               int take_on, int max_taken_on) {
  BatchStatements statements;
  Returned retries;
  Returned postponed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Disposition& disposition = batch[i];
    if (std::holds_alternative<Outcome>(disposition.what)) {
      statements.commit_order.push_back(i);
    } else if (const auto* retry = std::get_if<Retry>(&disposition.what)) {
      retries.add(disposition.task, retry->delay, retry->error);
    } else if (const auto* postpone = std::get_if<Postpone>(&disposition.what)) {
      postponed.add(disposition.task, postpone->delay, "");
    }
  }
  if (!statements.commit_order.empty()) {
    const auto rest = std::ranges::partition(statements.commit_order,
                                             [&](std::size_t i) { return may_be_taken_on(batch[i], max_taken_on); });
    const auto eligible = static_cast<int>(rest.begin() - statements.commit_order.begin());
    Columns columns;
    for (const std::size_t i : statements.commit_order) columns.add(batch[i].task, std::get<Outcome>(batch[i].what));
    statements.commit = static_cast<int>(pipeline.size());
    statements.take_on = std::min(take_on, eligible);
    pipeline.add(sql::query("commit_steps"), columns.params(process, statements.take_on));
  }
  if (!retries.ids.empty()) {
    statements.retry = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("retry_tasks"), pg::Params()
                                                .int8_array(retries.ids)
                                                .int8_array(retries.tokens)
                                                .int8_array(retries.delays)
                                                .text_array(retries.errors));
  }
  if (!postponed.ids.empty()) {
    statements.postpone = static_cast<int>(pipeline.size());
    pipeline.add(sql::query("postpone_tasks"),
                 pg::Params().int8_array(postponed.ids).int8_array(postponed.tokens).int8_array(postponed.delays));
  }
  return statements;
}

}  // namespace sluice::workers
