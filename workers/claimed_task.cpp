#include "workers/claimed_task.h"

#include <algorithm>

#include "core/base/errors.h"

namespace sluice::workers {
namespace {

std::string text_or_empty(const pg::Row& row, std::string_view column) {
  return row.get<std::optional<std::string>>(column).value_or("");
}

// Nothing when the row has no session. `id` is the session's.
std::optional<flow::Session> session_from(const pg::Row& row, std::string_view id) {
  const auto status_text = row.get<std::optional<std::string>>("status");
  if (!status_text) return std::nullopt;
  const auto status = flow::status_from(*status_text);
  if (!status) throw Error("session " + std::string(id) + " has the unknown status " + *status_text);
  flow::Session session;
  session.id = id;
  session.user_id = text_or_empty(row, "user_id");
  session.started_at = row.get<Timestamp>("started_at");
  session.current_node = text_or_empty(row, "current_node_id");
  session.status = *status;
  session.revision = row.get<std::int32_t>("revision");
  session.state = row.get<Json>("state");
  session.stack = row.get<Json>("stack");
  if (!row.is_null("wait")) session.wait = row.get<Json>("wait");
  session.info = row.get<Json>("info");
  return session;
}

}  // namespace

void read_session(ClaimedTask& task, const pg::Row& row) {
  task.session = session_from(row, row.text("id"));
  task.last_activity_at = row.get<Timestamp>("last_activity_at");
}

ClaimedTask claimed_task_from(const pg::Row& row, Process::Claimant claimant) {
  ClaimedTask task;
  task.id = row.get<std::int64_t>("id");
  task.token = row.get<std::int64_t>("claim_token");
  task.claimant = std::move(claimant);
  task.kind = row.get<std::string>("kind");
  task.node_id = text_or_empty(row, "node_id");
  task.key = text_or_empty(row, "key");
  task.correlation_id = text_or_empty(row, "correlation_id");
  if (!row.is_null("payload")) task.payload = row.get<Json>("payload");
  task.attempt = row.get<std::int32_t>("attempt");
  task.max_attempts = row.get<std::int32_t>("max_attempts");
  task.revision = row.get<std::optional<std::int32_t>>("task_revision");
  task.session_id = row.get<std::optional<Uuid>>("session_id");
  task.order_key = row.get<Timestamp>("order_key");
  if (task.session_id) task.session = session_from(row, row.text("session_id"));
  if (task.session) {
    task.flow_version = row.get<std::int64_t>("flow_version_id");
    task.last_activity_at = row.get<Timestamp>("last_activity_at");
  }
  return task;
}

Deadline deadline_of(Timestamp moment, const DatabaseClock& clock) {
  const auto left = moment - clock.now();
  // Farther away than a day is looked at again by then: a steady clock and the database's may drift apart.
  return Clock::now() + std::clamp<std::chrono::microseconds>(left, std::chrono::seconds(0), std::chrono::hours(24));
}

}  // namespace sluice::workers
