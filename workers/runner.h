// Runs one claimed task: the engine for a session's, the guarded client for requests, a function call for sql.
#pragma once

#include <chrono>
#include <expected>

#include "core/async/stop_token.h"
#include "core/http/client.h"
#include "core/pg/pool.h"
#include "core/service/database_clock.h"
#include "core/service/secrets.h"
#include "workers/breaker.h"
#include "workers/content_cache.h"
#include "workers/disposition.h"
#include "workers/flow_cache.h"
#include "workers/sql_tasks.h"

namespace sluice::workers {

class Runner {
 public:
  Runner(pg::Pool& pool, SqlTasks& sql_tasks, FlowCache& flows, ContentCache& contents, http::Client& client,
         Breakers& breakers, const Secrets& secrets, const DatabaseClock& clock)
      : pool_(pool),
        sql_tasks_(sql_tasks),
        flows_(flows),
        contents_(contents),
        client_(client),
        breakers_(breakers),
        secrets_(secrets),
        clock_(clock) {}

  // What becomes of the task. Nothing is written. Throws what is nobody's fault of the task's: the caller turns it into
  // after_fault. The task's session is read again when the claim's reading does not fit.
  Task<Ending> run(ClaimedTask& task);

  // The same results applied to the task's session as it is now, after a patch overtook the commit; no request is
  // repeated.
  [[nodiscard]] Ending again(const ClaimedTask& task, const Outcome& before) const;

 private:
  Task<void> read_again(ClaimedTask& task);
  Task<Ending> run_node(ClaimedTask& task, Material material);
  Task<Ending> run_http(const ClaimedTask& task);
  Task<Ending> run_cron(const ClaimedTask& task);
  Task<std::expected<http::Response, std::chrono::milliseconds>> send_by_breaker(const ClaimedTask& task,
                                                                                 flow::HttpCall call);
  Task<http::Response> send(const ClaimedTask& task, flow::HttpCall call);

  pg::Pool& pool_;
  SqlTasks& sql_tasks_;
  FlowCache& flows_;
  ContentCache& contents_;
  http::Client& client_;
  Breakers& breakers_;
  const Secrets& secrets_;
  const DatabaseClock& clock_;
};

}  // namespace sluice::workers
