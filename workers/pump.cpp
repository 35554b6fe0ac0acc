#include "workers/pump.h"

#include <algorithm>
#include <iterator>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kAnswer{30};            // for a round trip; a session's lock is waited for 2 s at most
constexpr seconds kSweepEvery{1};         // from the beginning, for tasks that came back behind the watermark
constexpr milliseconds kCommitSkew{100};  // a task may become visible this long after its order_key was taken
constexpr milliseconds kLookBackEvery{
    20};  // for such tasks, in a backlog: what is behind has to be read again each time
constexpr milliseconds kConflictPause{5};
constexpr milliseconds kGatherFor{5};    // after a full claim, until a few free places are worth another
constexpr std::size_t kProvenQuick = 2;  // a call so many of which go together has been quick at least once
constexpr milliseconds kFullFor{100};    // without room for a claim, before another is to look out

// Columns of the query commit_steps.
constexpr int kTask = 0;
constexpr int kOutcome = 1;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Pump::Pump(Loop& loop, pg::Reconnector reconnector, Process& process, Runner& runner, SqlBacklog& backlog,
           WorkerMetrics& metrics, DatabaseDenied& denied, Limits limits)
    : loop_(loop),
      reconnector_(std::move(reconnector)),
      process_(process),
      runner_(runner),
      backlog_(backlog),
      metrics_(metrics),
      denied_(denied),
      limits_(limits),
      running_(loop),
      work_(loop),
      claimed_(loop),
      begins_(loop) {}

Task<void> Pump::listen(Scout& scout, StopToken stop) {
  Claimed last;
  last.found = true;
  while (!stop.stop_requested()) {
    co_await scout.next(last, stop);
    claim_wanted_ = true;
    rung_ = scout.rung();
    work_.set();
    Woken woken = co_await claimed_.wait(Clock::now() + kFullFor, stop);
    while (woken == Woken::kTimeout) {
      if (capacity() <= 0) co_await scout.step_down();
      woken = co_await claimed_.wait(Clock::now() + kFullFor, stop);
    }
    last = last_claim_;
  }
}

Task<void> Pump::run(StopToken stop, Clock::duration grace) {
  co_await connect();
  running_.spawn(start_tasks());
  while (!stop.stop_requested()) {
    if (ended_.size() < static_cast<std::size_t>(limits_.batch) / 2) start_begun();  // they make a larger batch
    const bool claim = claim_wanted_ && !working_off_ && capacity() > 0;
    const bool now = claim && (Clock::now() >= gathered_ || capacity() >= limits_.in_flight / 4);
    if (now && may_work_off()) {
      running_.spawn(work_off(stop));
    } else if (now || !ended_.empty()) {
      co_await round(now);
    } else {
      (void)co_await work_.wait(claim ? gathered_ : kNoDeadline, stop);
    }
  }
  claiming_ = false;
  const Deadline until = Clock::now() + grace;
  while (Clock::now() < until && (!in_flight_.empty() || !ended_.empty())) {
    if (ended_.empty()) {
      (void)co_await work_.wait(until);
    } else {
      co_await round(false);
    }
  }
  co_await backlog_.finish(until);
  co_await hand_back();
}

Task<void> Pump::connect() {
  while (connection_ == nullptr) {
    connection_ = co_await reconnector_.connect();
    bool lost = false;
    try {
      const pg::Result server = co_await connection_->query(sql::query("database_address"), {}, Clock::now() + kAnswer);
      denied_.connected(*connection_, server.one());
    } catch (const pg::PgError& error) {
      if (error.kind() == pg::ErrorKind::kPermanent) throw;
      lost = true;
    }
    if (lost) connection_.reset();
  }
}

Task<void> Pump::round(bool claim) {
  std::vector<Disposition> batch = take_batch();
  const int room = claim ? capacity() + static_cast<int>(batch.size()) : 0;
  co_await commit(std::move(batch), std::min(room, limits_.in_flight));
}

// A backlog of one call, or the next task of a worker that slept and whose last ones made one call.
bool Pump::may_work_off() const {
  if (look_) return false;
  return last_claim_.full ? backlog_.is_likely(SqlTasks::kMostAtOnce) : rung_ && backlog_.is_likely(kProvenQuick);
}

// No claim is made meanwhile; the one that is wanted comes after it.
Task<void> Pump::work_off(StopToken stop) {
  working_off_ = look_ = true;
  const bool backlog = last_claim_.full;
  const auto extent = backlog ? SqlBacklog::Extent::kAll : SqlBacklog::Extent::kNext;
  const SqlBacklog::Progress progress =
      co_await backlog_.work_off(backlog ? reached_ : reached_ - kCommitSkew, extent, stop);
  reached_ = std::max(reached_, progress.reached);
  working_off_ = false;
  if (!backlog && progress.any) looked(true);
  work_.set();
}

// What was wanted is done; whoever listens says when to look again.
void Pump::looked(bool found) {
  last_claim_.found = found;
  claim_wanted_ = false;
  claimed_.set();
}

// One round trip. Whatever fails leaves the database as it was, or the connection unknown; then the same outcomes are
// given again, which their tokens make harmless.
Task<void> Pump::commit(std::vector<Disposition> batch, int claim_limit) {
  Process::Claimant claimant = co_await process_.claimant({});
  if (claimant == nullptr) co_return;  // the heartbeat has failed for good: what we did is another's to do again
  pg::Pipeline pipeline;
  const int free = claiming_ ? std::max(capacity(), 0) + static_cast<int>(batch.size()) : 0;
  const BatchStatements statements = add_statements(pipeline, batch, claimant->id, free, limits_.taken_on);
  claim_limit -= statements.take_on;
  std::size_t claim_at = 0;
  const int share = limited_.share(claim_limit);
  if (claim_limit > 0) {
    if (pipeline.empty() && share == 0) pipeline.add(sql::query("claim_unflushed"));
    claim_at = pipeline.size();
    pipeline.add(sql::query("claim_tasks"),
                 pg::Params().int8(claimant->id).int4(claim_limit - share).timestamptz(claim_from()));
    if (!last_claim_.found) pipeline.add(sql::query("next_due_task"));
    limited_.add(pipeline, claimant->id, share);
  }
  std::vector<pg::Result> results;
  std::optional<pg::PgError> failure;
  try {
    results = co_await connection_->run(std::move(pipeline), Clock::now() + kAnswer);
  } catch (const pg::PgError& error) {
    failure = error;
  }
  if (failure && failure->kind() == pg::ErrorKind::kLost) {
    process_.renew();  // a claim whose answer was lost must not stay ours
    std::ranges::move(batch, std::front_inserter(ended_));
    connection_.reset();
    co_await connect();
  } else if (failure && batch.empty()) {
    log_warn("cannot claim tasks", {{"error", failure->message()}});
    (void)co_await loop_.sleep(seconds(1));
  } else if (failure) {
    co_await commit_parts(std::move(batch), failure->kind() == pg::ErrorKind::kTransient,
                          std::string(failure->message()));
  } else {
    if (!batch.empty()) metrics_.batch.observe(static_cast<double>(batch.size()));
    std::vector<Disposition> restamped;
    settle(batch, statements, results, claimant, restamped);
    if (claim_limit > 0) {
      start(results[claim_at], claimant);
      last_claim_.next_due = kNoDeadline;
      if (!last_claim_.found) {
        const auto due = results[claim_at + 1].one().get<std::optional<Timestamp>>(0);
        if (due) last_claim_.next_due = deadline_of(*due, process_.clock());
      }
      bool found = !results[claim_at].empty();
      last_claim_.full = results[claim_at].rows() >= claim_limit - share;
      if (const pg::Result* limited = limited_.answer(results)) found = start_limited(*limited, claimant) || found;
      gathered_ = last_claim_.full ? Clock::now() + kGatherFor : Clock::now();
      look_ = false;
      looked(found);
    }
    if (!restamped.empty()) co_await reapply(std::move(restamped));
  }
}

// One bad row never fails its batch: halves are tried until it stands alone.
Task<void> Pump::commit_parts(std::vector<Disposition> batch, bool transient, std::string error) {
  if (batch.size() > 1) {
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    std::vector<Disposition> second(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
    batch.erase(middle, batch.end());
    co_await commit(std::move(batch), 0);
    co_await commit(std::move(second), 0);
  } else if (transient) {
    (void)co_await loop_.sleep(kConflictPause);
    ended_.push_back(std::move(batch.front()));
  } else {
    Disposition& bad = batch.front();
    log_warn("an outcome cannot be committed", {{"task", bad.task.id}, {"kind", bad.task.kind}, {"error", error}});
    const bool final = std::holds_alternative<Outcome>(bad.what) && !std::get<Outcome>(bad.what).step;
    if (final) {
      end(bad.task, "lost");  // not even its end can be written: the claim is given up with the process's id
      process_.renew();
    } else {
      bad.what = after_fault(bad.task, error);
      ended_.push_back(std::move(bad));
    }
  }
}

std::vector<Disposition> Pump::take_batch() {
  const auto count = std::min(ended_.size(), static_cast<std::size_t>(limits_.batch));
  std::vector<Disposition> batch(std::make_move_iterator(ended_.begin()),
                                 std::make_move_iterator(ended_.begin() + static_cast<std::ptrdiff_t>(count)));
  ended_.erase(ended_.begin(), ended_.begin() + static_cast<std::ptrdiff_t>(count));
  return batch;
}

int Pump::capacity() const {
  return claiming_ ? limits_.in_flight - static_cast<int>(in_flight_.size()) : 0;
}

Timestamp Pump::claim_from() {
  const auto now = Clock::now();
  if (now - swept_ >= kSweepEvery) {
    swept_ = looked_back_ = now;
    return Timestamp{};
  }
  if (last_claim_.full && now - looked_back_ < kLookBackEvery) return reached_;
  looked_back_ = now;
  return reached_ - kCommitSkew;
}

void Pump::settle(std::vector<Disposition>& batch, const BatchStatements& statements,
                  const std::vector<pg::Result>& results, const Process::Claimant& claimant,
                  std::vector<Disposition>& restamped) {
  if (statements.commit >= 0) {
    const pg::Result& exceptions = results[static_cast<std::size_t>(statements.commit)];
    int next_exception = 0;  // they come in the order in which the tasks were given
    for (std::size_t place = 0; place < statements.commit_order.size(); ++place) {
      Disposition& disposition = batch[statements.commit_order[place]];
      std::string_view outcome = "applied";
      if (next_exception < exceptions.rows() &&
          exceptions[next_exception].get<std::int64_t>(kTask) == disposition.task.id) {
        outcome = exceptions[next_exception++].text(kOutcome);
      }
      if (outcome == "restamped") {
        restamped.push_back(std::move(disposition));
        continue;
      }
      const bool applied = outcome == "applied";
      const bool failed = applied && std::get<Outcome>(disposition.what).kind == Outcome::Kind::kFailed;
      end(disposition.task, failed ? "failed" : outcome);
      if (applied && place < static_cast<std::size_t>(statements.take_on)) take_on(disposition, claimant);
    }
  }
  for (const Disposition& disposition : batch) {
    if (std::holds_alternative<Retry>(disposition.what)) end(disposition.task, "retried");
    if (std::holds_alternative<Postpone>(disposition.what)) end(disposition.task, "postponed");
  }
}

// The session's next task has the row and the claim of the one that ended: it is run with the session as it was just
// committed.
void Pump::take_on(Disposition& disposition, const Process::Claimant& claimant) {
  flow::Step& step = *std::get<Outcome>(disposition.what).step;
  ClaimedTask next;
  next.id = disposition.task.id;
  next.token = disposition.task.token;
  next.claimant = claimant;
  next.kind = step.task->kind;
  next.node_id = step.task->node_id;
  next.key = step.task->key;
  next.correlation_id = disposition.task.correlation_id;
  next.session_id = disposition.task.session_id;
  next.revision = step.session.revision;
  next.session = std::move(step.session);
  next.flow_version = disposition.task.flow_version;
  next.last_activity_at = disposition.task.last_activity_at;
  next.taken_on = disposition.task.taken_on + 1;
  begin(std::move(next));
}

void Pump::start(const pg::Result& claimed, const Process::Claimant& claimant) {
  if (!claimed.empty()) backlog_.claim_begins();
  for (const pg::Row& row : claimed) {
    ClaimedTask task = claimed_task_from(row, claimant);
    backlog_.claimed(task);
    reached_ = std::max(reached_, *task.order_key);
    metrics_.claimed.add();
    begin(std::move(task));
  }
}

bool Pump::start_limited(const pg::Result& claimed, const Process::Claimant& claimant) {
  if (const auto again = limited_.look_again())
    last_claim_.next_due = std::min(last_claim_.next_due, deadline_of(*again, process_.clock()));
  bool any = false;
  for (const pg::Row& row : claimed) {
    if (row.is_null("id")) continue;
    ClaimedTask task = claimed_task_from(row, claimant);
    task.limited = true;
    metrics_.claimed.add();
    begin(std::move(task));
    any = true;
  }
  return any;
}

void Pump::begin(ClaimedTask task) {
  in_flight_.emplace(task.id, task.token);
  metrics_.in_flight.set(static_cast<double>(in_flight_.size()));
  begun_.push_back(std::move(task));
  begins_.set();
}

// On the loop's next turn: by then a batch that had ended before is on its way, and the server has work while these
// run.
Task<void> Pump::start_tasks() {
  while (true) {
    (void)co_await begins_.wait();
    start_begun();
  }
}

void Pump::start_begun() {
  for (ClaimedTask& task : std::exchange(begun_, {})) running_.spawn(run_task(std::move(task)));
}

void Pump::end(const ClaimedTask& task, std::string_view outcome) {
  in_flight_.erase(task.id);
  if (task.limited) claim_wanted_ = true;  // nobody is told that its place is free
  metrics_.in_flight.set(static_cast<double>(in_flight_.size()));
  metrics_.ended(task.kind, outcome, seconds_since(task.claimed_at));
  log_debug("task ended", {{"task", task.id},
                           {"kind", task.kind},
                           {"session", task.session ? std::string_view(task.session->id) : std::string_view()},
                           {"outcome", outcome},
                           {"correlation_id", task.correlation_id}});
}

// The boundary at which a task's exceptions become its fate.
Task<void> Pump::run_task(ClaimedTask task) {
  Ending ending = Committed{};
  std::string fault;
  try {
    ending = co_await runner_.run(task);
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (!fault.empty()) {
    log_warn("a task failed", {{"task", task.id}, {"kind", task.kind}, {"attempt", task.attempt}, {"error", fault}});
    ending = after_fault(task, fault);
  }
  if (const auto* committed = std::get_if<Committed>(&ending)) {
    end(task, committed->lost ? "lost" : "applied");
  } else {
    ended_.push_back({std::move(task), std::move(ending)});
  }
  work_.set();
}

// State patches overtook these: their sessions are read again and the same results applied.
Task<void> Pump::reapply(std::vector<Disposition> restamped) {
  std::vector<Uuid> ids;
  ids.reserve(restamped.size());
  for (const Disposition& disposition : restamped) ids.push_back(*disposition.task.session_id);
  pg::Result rows;
  std::optional<pg::PgError> failure;
  try {
    rows =
        co_await connection_->query(sql::query("load_sessions"), pg::Params().uuid_array(ids), Clock::now() + kAnswer);
  } catch (const pg::PgError& error) {
    failure = error;
  }
  for (Disposition& disposition : restamped) {
    if (!failure) apply_to_present(disposition, rows);
    ended_.push_back(std::move(disposition));  // unchanged after a failure: it will be told restamped once more
  }
  if (failure && failure->kind() == pg::ErrorKind::kLost) {
    connection_.reset();
    co_await connect();
  }
}

void Pump::apply_to_present(Disposition& disposition, const pg::Result& sessions) {
  const auto row = std::ranges::find_if(
      sessions, [&](const pg::Row& one) { return one.get<Uuid>("id") == *disposition.task.session_id; });
  disposition.task.session.reset();
  if (row != sessions.end()) {
    read_session(disposition.task, *row);
    disposition.task.revision = disposition.task.session->revision;
  }
  disposition.what = runner_.again(disposition.task, std::get<Outcome>(disposition.what));
}

Task<void> Pump::hand_back() {
  if (in_flight_.empty() || connection_ == nullptr) co_return;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> tokens;
  for (const auto& [id, token] : in_flight_) {
    ids.push_back(id);
    tokens.push_back(token);
  }
  log_info("handing back tasks that are not done", {{"count", ids.size()}});
  try {
    (void)co_await connection_->query(sql::query("release_tasks"), pg::Params().int8_array(ids).int8_array(tokens),
                                      Clock::now() + kAnswer);
  } catch (const pg::PgError& error) {
    log_warn("tasks are not handed back; others take them when this process is gone", {{"error", error.message()}});
  }
}

}  // namespace sluice::workers
