// sluice tasks list, show, retry, discard.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/numbers.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kStatuses = "running ready scheduled retrying paused limited queued failed";

// Unfinished tasks and dead letters in one shape.
constexpr std::string_view kTasks =
    "SELECT task_id, kind, queue, session_id, node_id, status, attempt, max_attempts, run_at, priority, "
    "idempotency_key, session_revision,"
    " errors, errors -> -1 ->> 'error' AS last_error, created_at, NULL::timestamptz AS failed_at, host, pid, "
    "correlation_id FROM sluice.task_overview"
    " UNION ALL SELECT task_id, kind, queue, session_id, node_id, 'failed', attempts, max_attempts, NULL, priority, "
    "idempotency_key, session_revision,"
    " errors, reason, created_at, failed_at, NULL, NULL, correlation_id FROM sluice.task_failures";

ExitCode run_list(Invocation& invocation) {
  const int limit = invocation.positive("limit", 50);
  Database database(invocation);
  pg::Params params;
  params.text(invocation.one_of("status", kStatuses));
  params.text(invocation.has("session") ? std::optional<std::string>(invocation.flag("session")) : std::nullopt);
  params.int4(limit);
  const auto tasks = database.records(
      fmt::format(
          "SELECT * FROM ({}) AS task WHERE ($1 IS NULL OR status = $1) AND ($2 IS NULL OR session_id::text = $2)"
          " AND (kind <> 'timer' OR $1 IS NOT NULL OR $2 IS NOT NULL) ORDER BY task_id DESC LIMIT $3",
          kTasks),
      std::move(params));
  print_list(invocation, tasks,
             {{"TASK", "task_id", Column::Kind::kNumber},
              {"KIND", "kind"},
              {"STATUS", "status", Column::Kind::kStatus},
              {"QUEUE", "queue"},
              {"SESSION", "session_id"},
              {"NODE", "node_id", Column::Kind::kText, 24},
              {"ATTEMPT", "attempt", Column::Kind::kNumber},
              {"RUN AT", "run_at", Column::Kind::kTime},
              {"ERROR", "last_error", Column::Kind::kText, 40}},
             "no tasks wait and none failed");
  return ExitCode::kGood;
}

// An unfinished task, a dead letter, or what is recorded of a finished one.
ExitCode run_show(Invocation& invocation) {
  const std::int64_t id = number_argument(invocation, 0, "task");
  Database database(invocation);
  auto found =
      database.records(fmt::format("SELECT * FROM ({}) AS task WHERE task_id = $1", kTasks), pg::Params().int8(id));
  if (found.empty()) {
    found = database.records(
        "SELECT task_id, kind, status, session_id, node_id, session_revision, idempotency_key, error_message, "
        "result_data, created_at, completed_at"
        " FROM sluice.task_idempotency_records WHERE task_id = $1 ORDER BY completed_at DESC LIMIT 1",
        pg::Params().int8(id));
  }
  if (found.empty())
    throw Error(fmt::format("task {} is unknown", id),
                "sluice tasks list shows what waits and what failed; finished inputs leave no record");
  print_record(invocation, found.front());
  return ExitCode::kGood;
}

ExitCode for_each_task(Invocation& invocation, std::string_view statement, std::string_view done) {
  const std::vector<std::int64_t> ids = number_arguments(invocation, "task");
  Database database(invocation);
  database.in_transaction([&] {
    for (const std::int64_t id : ids) (void)database.query(statement, pg::Params().int8(id));
  });
  print_done(invocation, ids, "task", done);
  return ExitCode::kGood;
}

constexpr std::string_view kFilters[] = {"kind", "queue", "session", "node", "since", "until", "reason"};

// Dead letters, by what sluice.retry_tasks knows of them.
ExitCode retry_those(Invocation& invocation) {
  Json filter = make_object();
  for (const std::string_view name : kFilters) {
    if (!invocation.has(name)) continue;
    const bool id = name == "session" || name == "node";
    set(filter, id ? std::string(name) + "_id" : std::string(name), invocation.flag(name));
  }
  if (!invocation.line.arguments.empty())
    throw UsageError("tasks retry takes tasks by number, or by what they have in common, not both");
  Database database(invocation);
  const pg::Result retried =
      database.query("SELECT sluice.retry_tasks($1::text::jsonb)", pg::Params().text(to_text(filter)));
  const auto count = retried.one().get<std::int32_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "retried", Json(count));
    print_json(document);
  } else {
    fmt::print("{} {} will run again\n", count, count == 1 ? "task" : "tasks");
  }
  return ExitCode::kGood;
}

ExitCode run_retry(Invocation& invocation) {
  const bool by_filter = std::ranges::any_of(kFilters, [&](std::string_view name) { return invocation.has(name); });
  if (by_filter || invocation.has("all")) return retry_those(invocation);
  if (invocation.line.arguments.empty())
    throw UsageError("tasks retry needs tasks",
                     "name them by number, or by --queue, --reason and the like, or say --all");
  return for_each_task(invocation, "SELECT sluice.retry_task($1)", "will run again");
}
ExitCode run_discard(Invocation& invocation) {
  return for_each_task(invocation, "SELECT sluice.discard($1)", "discarded");
}

constexpr Flag kListFlags[] = {
    {"status", "WORD", "only those that are running, ready, scheduled, retrying, paused, limited, queued or failed"},
    {"session", "ID", "only those of this session"},
    {"limit", "N", "the newest N (default 50)"},
    kJsonFlag,
};
constexpr Flag kJsonOnly[] = {kJsonFlag};

constexpr Flag kRetryFlags[] = {
    {"all", "", "every dead letter that still fits its session"},
    {"kind", "WORD", "only dead letters of this kind"},
    {"queue", "NAME", "only those of this queue"},
    {"session", "ID", "only those of this session"},
    {"node", "ID", "only those of this node"},
    {"since", "TIME",
     "only those that failed from this time on, as PostgreSQL reads times: 2026-01-02T03:00Z, yesterday"},
    {"until", "TIME", "only those that failed before this time"},
    {"reason", "TEXT", "only those whose reason has this text in it"},
    kJsonFlag,
};

constexpr Command kCommands[] = {
    {"tasks list", "", "tasks that wait or run, and dead letters",
     "Timers of sessions are left out unless a status or session is asked for. Examples:\n\n"
     "  sluice tasks list --status failed\n"
     "  sluice tasks list --json | jq 'group_by(.status) | map({(.[0].status): length}) | add'\n",
     kListFlags, run_list},
    {"tasks show", "TASK", "one task with its errors", "Example:\n\n  sluice tasks show 4711\n", kJsonOnly, run_show},
    {"tasks retry", "[TASK...]", "run dead letters again, or tasks that wait for their next attempt at once",
     "Those named, all of them or none; or all dead letters that the flags describe, as far as they still fit their "
     "sessions. A task keeps its idempotency key. Examples:\n\n  sluice tasks retry 4711 4712\n"
     "  sluice tasks retry --queue mail --reason 'HTTP 503' --since yesterday\n",
     kRetryFlags, run_retry},
    {"tasks discard", "TASK...", "drop dead letters, queued inputs or free-standing tasks",
     "All of them or none. What a session waits for goes with the session: sluice session end. Example:\n\n  sluice "
     "tasks discard 4711\n",
     kJsonOnly, run_discard},
};

}  // namespace

std::span<const Command> task_commands() {
  return kCommands;
}

}  // namespace sluice::cli
