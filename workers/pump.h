// Moves work between the database and the runner over one connection: what has ended and the next claim go in one round
// trip.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/async/task_scope.h"
#include "core/service/database_denied.h"
#include "core/service/process.h"
#include "workers/commit_batch.h"
#include "workers/limited_claims.h"
#include "workers/runner.h"
#include "workers/scout.h"
#include "workers/sql_backlog.h"
#include "workers/worker_metrics.h"

namespace sluice::workers {

class Pump {
 public:
  struct Limits {
    int in_flight;      // tasks claimed and not ended
    int batch = 128;    // outcomes in one round trip
    int taken_on = 20;  // tasks of one session in a row without a claim, so that others get their turn
  };

  Pump(Loop& loop, pg::Reconnector reconnector, Process& process, Runner& runner, SqlBacklog& backlog,
       WorkerMetrics& metrics, DatabaseDenied& denied, Limits limits);

  // Claims and commits until `stop`; then only commits, until nothing is in flight or `grace` has passed, and hands
  // back the rest without counting an attempt.
  Task<void> run(StopToken stop, Clock::duration grace);

  // Tells the pump when to claim, as the scout says. Runs beside run().
  Task<void> listen(Scout& scout, StopToken stop);

  [[nodiscard]] bool connected() const noexcept { return connection_ != nullptr; }

 private:
  Task<void> start_tasks();
  Task<void> run_task(ClaimedTask task);
  Task<void> round(bool claim);
  [[nodiscard]] bool may_work_off() const;
  Task<void> work_off(StopToken stop);
  void looked(bool found);
  Task<void> commit(std::vector<Disposition> batch, int claim_limit);
  Task<void> commit_parts(std::vector<Disposition> batch, bool transient, std::string error);
  Task<void> connect();
  Task<void> reapply(std::vector<Disposition> restamped);
  void apply_to_present(Disposition& disposition, const pg::Result& sessions);
  Task<void> hand_back();

  [[nodiscard]] std::vector<Disposition> take_batch();
  [[nodiscard]] int capacity() const;
  [[nodiscard]] Timestamp claim_from();
  void settle(std::vector<Disposition>& batch, const BatchStatements& statements,
              const std::vector<pg::Result>& results, const Process::Claimant& claimant,
              std::vector<Disposition>& restamped);
  void take_on(Disposition& disposition, const Process::Claimant& claimant);
  void start(const pg::Result& claimed, const Process::Claimant& claimant);
  bool start_limited(const pg::Result& claimed, const Process::Claimant& claimant);
  void begin(ClaimedTask task);
  void start_begun();
  void end(const ClaimedTask& task, std::string_view outcome);

  Loop& loop_;
  pg::Reconnector reconnector_;
  Process& process_;
  Runner& runner_;
  SqlBacklog& backlog_;
  WorkerMetrics& metrics_;
  DatabaseDenied& denied_;
  Limits limits_;

  std::unique_ptr<pg::Connection> connection_;
  std::vector<ClaimedTask> begun_;                            // to be started
  std::deque<Disposition> ended_;                             // to be committed
  std::unordered_map<std::int64_t, std::int64_t> in_flight_;  // task → token of all that was claimed and not settled
  TaskScope running_;
  Event work_;     // something to commit, or a claim is wanted
  Event claimed_;  // a wanted claim was made
  Event begins_;   // something to start
  bool claim_wanted_ = false;
  bool claiming_ = true;      // false once stopping
  bool working_off_ = false;  // tasks are run without claims
  bool look_ = false;         // a claim looks at everything before that is done again
  bool rung_ = false;         // the claim that is wanted is for a notification that came to a sleeper
  Claimed last_claim_;
  Clock::time_point gathered_{};  // a claim is worth its round trip from then on, whatever its size
  LimitedClaims limited_;
  Timestamp reached_{};  // the greatest order_key claimed
  Clock::time_point swept_{};
  Clock::time_point looked_back_{};
};

}  // namespace sluice::workers
