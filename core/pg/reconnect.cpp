#include "core/pg/reconnect.h"

#include "core/async/task_scope.h"
#include "core/base/log.h"

namespace sluice::pg {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr BackoffPolicy kPolicy{.base = milliseconds(100), .factor = 2, .max = seconds(5), .jitter = 0.2};
constexpr seconds kPatience{10};

}  // namespace

Reconnector::Reconnector(Loop& loop, BlockingPool& pool, ConnectOptions options, std::string purpose)
    : loop_(loop), pool_(pool), options_(std::move(options)), purpose_(std::move(purpose)), backoff_(kPolicy) {}

// One try, apart from the coroutine that waits for it, so that a stop need not wait for a host that does not answer.
struct Reconnector::Attempt {
  explicit Attempt(Loop& loop) : finished(loop) {}

  static Task<void> make(Attempt& attempt, Reconnector& owner) {
    try {
      attempt.connection =
          co_await Connection::connect(owner.loop_, owner.pool_, owner.options_, Clock::now() + kPatience);
    } catch (const PgError& error) {
      attempt.refused = error;
    } catch (...) {
      attempt.failed = std::current_exception();
    }
    attempt.finished.set();
  }

  Event finished;
  std::unique_ptr<Connection> connection;
  std::optional<PgError> refused;
  std::exception_ptr failed;
};

Task<std::unique_ptr<Connection>> Reconnector::connect(StopToken stop) {
  const Deadline began = Clock::now();
  backoff_.reset();
  while (!stop.stop_requested()) {
    Attempt attempt(loop_);
    TaskScope scope(loop_);
    scope.spawn(Attempt::make(attempt, *this));
    const Woken woken = co_await attempt.finished.wait(kNoDeadline, stop);
    if (woken == Woken::kStopped) break;
    if (attempt.failed) std::rethrow_exception(attempt.failed);
    if (attempt.connection) {
      if (backoff_.failed() > 0) {
        log_return(Clock::now() - began);
        on_outage_(true);
      }
      on_connected_(*attempt.connection);
      co_return std::move(attempt.connection);
    }
    if (backoff_.failed() == 0) {
      log_warn("the database cannot be reached, trying until it can",
               {{"purpose", purpose_}, {"error", attempt.refused->what()}, {"hint", attempt.refused->hint()}});
      on_outage_(false);
    }
    (void)co_await loop_.sleep(backoff_.next(), stop);
  }
  co_return nullptr;
}

void Reconnector::log_return(Clock::duration away) const {
  log_info("the database is back", {{"purpose", purpose_},
                                    {"away_ms", std::chrono::duration_cast<milliseconds>(away).count()},
                                    {"tries", backoff_.failed() + 1}});
}

}  // namespace sluice::pg
