#include "listener/event_stream.h"

#include <algorithm>
#include <set>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::listener {
namespace {

using std::chrono::seconds;

constexpr seconds kAnswer{10};
constexpr seconds kReviewEvery{2};
constexpr seconds kLeave{30};                         // for statements under way when the daemon stops
constexpr seconds kPatience{5};                       // then the server is asked whether it still works on a statement
constexpr std::chrono::milliseconds kFanOutAfter{2};  // a ring

Deadline answer_deadline() {
  return Clock::now() + kAnswer;
}

ConsumerSpec spec_from(const pg::Row& row) {
  ConsumerSpec spec;
  spec.id = row.get<std::int64_t>("id");
  spec.name = row.get<std::string>("name");
  spec.kind = row.get<std::string>("kind");
  const Json settings = row.get<Json>("settings");
  const Json* attempts = find(settings, "max_attempts");
  if (attempts != nullptr && attempts->IsInt() && attempts->GetInt() > 0) spec.max_attempts = attempts->GetInt();
  return spec;
}

}  // namespace

EventStream::EventStream(Loop& loop, pg::Reconnector reconnector, pg::Pool& pool, Handlers handlers, int batch_size,
                         ListenerMetrics& metrics)
    : loop_(loop),
      reconnector_(std::move(reconnector)),
      pool_(pool),
      handlers_(std::move(handlers)),
      batch_size_(batch_size),
      metrics_(metrics) {}

Task<void> EventStream::run(Doorbell& doorbell, StopToken stop, std::function<void()> on_ready) {
  doorbell.on_payload("consumers", [this] {  // one was made, changed, or had its cursor put back
    reviewed_ = {};
    wake_consumers();
  });
  doorbell.on_rung([this] { ring(); });
  Polled last{.found = true};
  while (!stop.stop_requested()) {
    bool lost = false;
    try {
      if (connection_ == nullptr) {
        co_await connect(stop);
        if (connection_ == nullptr) break;
        on_ready();
      }
      if (Clock::now() - reviewed_ >= kReviewEvery) co_await review();
      last.found = co_await poll();
    } catch (const pg::PgError& error) {
      if (error.kind() == pg::ErrorKind::kPermanent) throw;
      lost = true;
    }
    if (lost) {
      co_await drop_all({});  // with the locks, they are another's
      connection_.reset();
      last.found = true;
    } else {
      co_await doorbell.next(last, stop);
    }
  }
  co_await drop_all(kLeave);
}

Task<void> EventStream::connect(StopToken stop) {
  connection_ = co_await reconnector_.connect(stop);
  if (connection_ == nullptr) co_return;
  snapshot_.reset();
  reviewed_ = {};
  pool_.close_idle();
  co_await refuse_foreign_cursors();
}

Task<void> EventStream::refuse_foreign_cursors() {
  const pg::Result rows = co_await connection_->query(sql::query("foreign_cursors"), {}, answer_deadline());
  if (rows.empty()) co_return;
  throw Error(
      "the cursor of consumer " + rows[0].get<std::string>("name") +
          " is not of this database's history: " + rows[0].get<std::string>("problem"),
      "was the database restored or rewound? Run `sluice events resync`, which starts every consumer at the present");
}

// Whether something that consumers have not seen yet was committed since the last poll.
Task<bool> EventStream::poll() {
  metrics_.polls.add();
  const pg::Result result =
      co_await connection_->query(sql::query("poll_events"), pg::Params().text(snapshot_), answer_deadline());
  snapshot_ = result.one().get<std::string>("snapshot");
  const bool found = result.one().get<bool>("found");
  if (found) wake_consumers();
  co_return found;
}

void EventStream::wake_consumers() noexcept {
  for (const auto& [id, running] : running_) running->consumer->wake();
}

// Each statement that is sent wakes a server process, and on a small machine the next one is not sent before some of
// them have had their turn. So handlers somebody waits for come first; a delivery over HTTP does not feel 2 ms.
void EventStream::ring() noexcept {
  const auto wake = [this](std::string_view kind, Clock::time_point when) {
    for (const auto& [id, running] : running_) {
      if (running->consumer->spec().kind == kind) running->consumer->wake(when);
    }
  };
  for (const std::string_view kind : {"sql", "relay", "task", "log"}) wake(kind, {});
  wake("webhooks", Clock::now() + kFanOutAfter);
}

// Takes consumers that nobody runs, and lets go of those that were changed or switched off.
Task<void> EventStream::review() {
  reviewed_ = Clock::now();
  const pg::Result rows = co_await connection_->query(sql::query("list_consumers"), {}, answer_deadline());
  std::map<std::int64_t, ConsumerSpec> wanted;
  std::vector<std::int64_t> retries;
  for (const pg::Row& row : rows) {
    ConsumerSpec spec = spec_from(row);
    if (row.get<bool>("retries")) retries.push_back(spec.id);
    wanted.emplace(spec.id, std::move(spec));
  }
  std::vector<std::int64_t> gone;
  for (const auto& [id, running] : running_) {
    const auto spec = wanted.find(id);
    const bool same = spec != wanted.end() && spec->second == running->consumer->spec();
    if (!same || running->scope.running() == 0) gone.push_back(id);
  }
  for (const std::int64_t id : gone) co_await let_go(id);
  co_await give_up_lost_statements();
  for (const auto& [id, spec] : wanted) {
    if (!running_.contains(id)) co_await take(spec);
  }
  for (const std::int64_t id : retries) {
    if (const auto found = running_.find(id); found != running_.end()) found->second->consumer->retry_parked();
  }
}

Task<void> EventStream::take(const ConsumerSpec& spec) {
  const pg::Result result =
      co_await connection_->query(sql::query("take_consumer"), pg::Params().int8(spec.id), answer_deadline());
  if (!result.one().get<bool>(0)) co_return;
  log_info("consumer taken", {{"consumer", spec.name}, {"kind", spec.kind}});
  auto running = std::make_unique<Running>(loop_);
  running->consumer = std::make_unique<Consumer>(loop_, pool_, spec, handlers_, batch_size_, metrics_);
  running->scope.spawn(running->consumer->run(running->scope.stop_token()));
  running_.emplace(spec.id, std::move(running));
}

// A handler may run for long. One whose answer was lost with its connection is not at work, and is not at the next look
// either; the first look alone could be ahead of an answer that is on its way.
Task<void> EventStream::give_up_lost_statements() {
  std::vector<std::int32_t> pids;
  for (const auto& [id, running] : running_) {
    const std::optional<Consumer::Statement> statement = running->consumer->under_way();
    if (statement && statement->sent < Clock::now() - kPatience) pids.push_back(statement->server_pid);
  }
  if (pids.empty()) co_return;
  const pg::Result rows =
      co_await connection_->query(sql::query("at_work"), pg::Params().int4_array(pids), answer_deadline());
  std::set<int> at_work;
  for (const pg::Row& row : rows) at_work.insert(row.get<std::int32_t>(0));
  for (const auto& [id, running] : running_) {
    const std::optional<Consumer::Statement> statement = running->consumer->under_way();
    const bool lost =
        statement && statement->sent < Clock::now() - kPatience && !at_work.contains(statement->server_pid);
    if (lost && running->idle == statement->sent) {
      log_warn("the answer to a consumer's statement was lost", {{"consumer", running->consumer->spec().name}});
      running->consumer->hang_up();
    }
    running->idle = lost ? std::optional(statement->sent) : std::nullopt;
  }
}

// One that is in the middle of a statement is given the time it needs, while the others go on.
Task<void> EventStream::let_go(std::int64_t id) {
  const auto found = running_.find(id);
  found->second->scope.request_stop();
  if (found->second->consumer->under_way()) co_return;
  co_await found->second->scope.join();
  running_.erase(found);
  if (connection_ != nullptr && !connection_->broken()) {
    (void)co_await connection_->query(sql::query("release_consumer"), pg::Params().int8(id), answer_deadline());
  }
}

Task<void> EventStream::drop_all(Clock::duration grace) {
  for (const auto& [id, running] : running_) running->scope.request_stop();
  TaskScope impatience(loop_);
  impatience.spawn(hang_up_all(Clock::now() + grace, impatience.stop_token()));
  for (const auto& [id, running] : running_) co_await running->scope.join();
  impatience.request_stop();
  co_await impatience.join();
  running_.clear();
}

Task<void> EventStream::hang_up_all(Clock::time_point when, StopToken stop) {
  (void)co_await loop_.sleep_until(when, stop);
  if (stop.stop_requested()) co_return;
  for (const auto& [id, running] : running_) running->consumer->hang_up();
}

}  // namespace sluice::listener
