// sluice cron list.
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

ExitCode run_list(Invocation& invocation) {
  Database database(invocation);
  const auto schedules = database.records(
      "SELECT name, cron, time_zone, kind, queue, priority, missed, enabled, next_at, last_at, last_task_id,"
      " CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS status FROM sluice.cron_overview ORDER BY name",
      {});
  print_list(invocation, schedules,
             {{"NAME", "name", Column::Kind::kText, 32},
              {"STATUS", "status", Column::Kind::kStatus},
              {"CRON", "cron"},
              {"ZONE", "time_zone"},
              {"KIND", "kind"},
              {"QUEUE", "queue"},
              {"MISSED", "missed"},
              {"NEXT", "next_at", Column::Kind::kTime},
              {"LAST", "last_at", Column::Kind::kTime},
              {"LAST TASK", "last_task_id", Column::Kind::kNumber}},
             "no schedules; SELECT sluice.schedule(…) makes one");
  return ExitCode::kGood;
}

constexpr Flag kJsonOnly[] = {kJsonFlag};

constexpr Command kCommands[] = {
    {"cron list", "", "schedules, when they are due and what they last enqueued",
     "Schedules are made and ended in SQL: sluice.schedule and sluice.unschedule. Examples:\n\n"
     "  sluice cron list\n"
     "  sluice cron list --json | jq '.[] | select(.enabled) | {name, next_at}'\n",
     kJsonOnly, run_list},
};

}  // namespace

std::span<const Command> cron_commands() {
  return kCommands;
}

}  // namespace sluice::cli
