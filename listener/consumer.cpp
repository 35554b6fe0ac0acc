#include "listener/consumer.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kConnection{60};  // while others have all of them
constexpr BackoffPolicy kRetry{.base = milliseconds(100), .factor = 2, .max = seconds(30), .jitter = 0.2};

std::string_view statement_of(std::string_view kind) {
  if (kind == "webhooks") return "run_webhooks";
  if (kind == "relay") return "run_relay";
  if (kind == "task") return "run_task_handler";
  return "run_sql_handler";
}

HandledEvent event_from(const pg::Row& row, std::string_view id) {
  return {.id = row.get<std::int64_t>(id),
          .type = row.text("event_type"),
          .session_id = row.get<std::optional<std::string_view>>("session_id").value_or(""),
          .correlation_id = row.get<std::optional<std::string_view>>("correlation_id").value_or(""),
          .body = row.text("body")};
}

}  // namespace

class Consumer::UnderWay {
 public:
  UnderWay(Consumer& consumer, pg::Connection& connection) noexcept : consumer_(consumer) {
    consumer.connection_ = &connection;
    consumer.sent_ = Clock::now();
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() { consumer_.connection_ = nullptr; }

 private:
  Consumer& consumer_;
};

Consumer::Consumer(Loop& loop, pg::Pool& pool, ConsumerSpec spec, const Handlers& handlers, int batch_size,
                   ListenerMetrics& metrics)
    : loop_(loop),
      pool_(pool),
      spec_(std::move(spec)),
      handlers_(handlers),
      batch_size_(batch_size),
      metrics_(metrics),
      woken_(loop),
      backoff_(kRetry) {
  woken_.set();  // what came while nobody ran it
}

Task<void> Consumer::run(StopToken stop) {
  while (!stop.stop_requested()) {
    Task<After> work = retry_ ? parked() : batch();
    const After after = co_await std::move(work);
    switch (after) {
      case After::kMore:
        break;
      case After::kEmpty:
        (void)co_await woken_.wait(kNoDeadline, stop);
        if (begin_ > Clock::now()) (void)co_await loop_.sleep_until(begin_, stop);
        break;
      case After::kFailed:
        (void)co_await loop_.sleep(backoff_.next(), stop);
        break;
      case After::kTaken:
        log_info("another listener runs this consumer", {{"consumer", spec_.name}});
        co_return;
    }
  }
}

Task<Consumer::After> Consumer::batch() {
  std::string error;
  pg::ErrorKind kind = pg::ErrorKind::kTransient;
  std::string sqlstate;
  try {
    const After after = co_await handle(careful_ > 0 ? 1 : batch_size_);
    backoff_.reset();
    attempts_ = 0;
    careful_ = std::max(careful_ - 1, 0);
    co_return after;
  } catch (const pg::PgError& failure) {
    error = failure.message();
    kind = failure.kind();
    sqlstate = failure.sqlstate();
  } catch (const Error& failure) {
    error = failure.what();
    kind = pg::ErrorKind::kPermanent;
  }
  if (sqlstate == "40001") co_return After::kTaken;
  if (kind == pg::ErrorKind::kLost) co_return After::kFailed;  // says nothing of the event
  co_return co_await after_failure(error);
}

Task<Consumer::After> Consumer::handle(int limit) {
  const auto handler = handlers_.find(spec_.kind);
  Task<bool> work = handler != handlers_.end() ? run_here(handler->second, limit) : run_in_database(limit);
  const bool more = co_await std::move(work);
  co_return more ? After::kMore : After::kEmpty;
}

// There is no deadline: a handler may take its time. The stream looks whether the server is still at work on it.
Task<pg::Result> Consumer::ask(std::string_view statement, pg::Params params) {
  pg::Lease connection = co_await pool_.acquire(Clock::now() + kConnection);
  const UnderWay under_way(*this, *connection);
  co_return co_await connection->query(sql::query(statement), std::move(params));
}

std::optional<Consumer::Statement> Consumer::under_way() const noexcept {
  if (connection_ == nullptr) return std::nullopt;
  return Statement{.server_pid = connection_->server_pid(), .sent = sent_};
}

void Consumer::hang_up() noexcept {
  if (connection_ != nullptr) connection_->hang_up();
}

Task<bool> Consumer::run_in_database(int limit) {
  const pg::Result result = co_await ask(statement_of(spec_.kind), pg::Params().int8(spec_.id).int4(limit));
  metrics_.handled(spec_.name, result.one().get<std::int32_t>("events"));
  co_return result.one().get<bool>("more");
}

// Handled first, the cursor moved after.
Task<bool> Consumer::run_here(const Handler& handler, int limit) {
  const pg::Result rows = co_await ask("next_events", pg::Params().int8(spec_.id).int4(limit));
  if (rows.empty()) co_return false;
  std::vector<HandledEvent> events;
  for (const pg::Row& row : rows) {
    if (!row.is_null("id")) events.push_back(event_from(row, "id"));
  }
  if (!events.empty()) co_await handler(spec_.name, events);
  const pg::Row position = rows[0];
  (void)co_await ask("move_cursor", pg::Params()
                                        .int8(spec_.id)
                                        .int8(position.get<std::int64_t>("seq"))
                                        .text(position.text("cursor"))
                                        .text(position.get<std::optional<std::string_view>>("gap_snapshot"))
                                        .int8(position.get<std::optional<std::int64_t>>("gap_after_id")));
  metrics_.handled(spec_.name, static_cast<std::int64_t>(events.size()));
  co_return position.get<bool>("more");
}

Task<Consumer::After> Consumer::after_failure(const std::string& error) {
  metrics_.failed(spec_.name);
  if (careful_ == 0 && batch_size_ > 1) {
    careful_ = batch_size_;
    log_warn("a batch failed; its events are taken one by one", {{"consumer", spec_.name}, {"error", error}});
    co_return After::kMore;
  }
  attempts_ += 1;
  if (attempts_ < spec_.max_attempts) co_return After::kFailed;
  co_await park(error);
  co_return After::kMore;
}

Task<void> Consumer::park(const std::string& error) {
  const pg::Result parked = co_await ask("park_event", pg::Params().int8(spec_.id).text(error).int4(attempts_));
  log_error("an event was parked after its attempts",
            {{"consumer", spec_.name}, {"event", parked.one().text(0)}, {"attempts", attempts_}, {"error", error}});
  metrics_.parked(spec_.name);
  attempts_ = 0;
  backoff_.reset();
}

// The first parked event that somebody asked for. One that fails again stays parked, and what stands behind it too.
Task<Consumer::After> Consumer::parked() {
  std::string error;
  pg::ErrorKind kind = pg::ErrorKind::kTransient;
  try {
    const pg::Result taken = co_await ask("run_parked", pg::Params().int8(spec_.id));
    const pg::Row event = taken.one();
    retry_ = !event.is_null("event_id");
    if (retry_) {
      log_info("a parked event was taken", {{"consumer", spec_.name}, {"event", event.text("event_id")}});
      if (const auto handler = handlers_.find(spec_.kind); handler != handlers_.end())
        co_await handler->second(spec_.name, {event_from(event, "event_id")});
      metrics_.handled(spec_.name, 1);
    }
    co_return After::kMore;
  } catch (const pg::PgError& failure) {
    error = failure.message();
    kind = failure.kind();
  }
  if (kind == pg::ErrorKind::kLost) co_return After::kFailed;
  metrics_.failed(spec_.name);
  const pg::Result again = co_await ask("park_again", pg::Params().int8(spec_.id).text(error));
  if (!again.empty()) {
    log_error("a parked event failed again",
              {{"consumer", spec_.name}, {"event", again.one().text(0)}, {"error", error}});
  }
  co_return After::kMore;
}

}  // namespace sluice::listener
