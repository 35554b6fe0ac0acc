// A task as it was claimed, with its session as of the claim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/base/uuid.h"
#include "core/flow/engine.h"
#include "core/pg/result.h"
#include "core/service/process.h"

namespace sluice::workers {

struct ClaimedTask {
  std::int64_t id = 0;
  std::int64_t token = 0;      // every write of this claim is conditional on it
  Process::Claimant claimant;  // keeps the claim alive
  std::string kind;            // start, input, action, webhook, timer, http, sql, cron
  std::string node_id;
  std::string key;  // of a session task the wait key, empty as claimed when its row follows its session; of a
                    // free-standing one the caller's, or empty
  std::string correlation_id;
  Json payload;
  int attempt = 1;
  int max_attempts = 10;
  std::optional<int> revision;  // the session's that the task belongs to
  std::optional<Uuid> session_id;
  std::optional<Timestamp> order_key;

  // Null for free-standing tasks, and when the session is gone.
  std::optional<flow::Session> session;
  std::int64_t flow_version = 0;
  Timestamp last_activity_at{};

  bool limited = false;  // its queue has limits, so its end may let another in
  int taken_on = 0;      // how many tasks of its session were run one after another without a claim
  Clock::time_point claimed_at = Clock::now();

  [[nodiscard]] bool of_session() const { return session_id.has_value(); }
};

// A row of the query claim_tasks.
[[nodiscard]] ClaimedTask claimed_task_from(const pg::Row& row, Process::Claimant claimant);

// Puts the session of a row of load_sessions or load_claimed_session in the place of the one that was read before.
void read_session(ClaimedTask& task, const pg::Row& row);

// A moment of the database's as a deadline on this machine's steady clock.
[[nodiscard]] Deadline deadline_of(Timestamp moment, const DatabaseClock& clock);

}  // namespace sluice::workers
