// sluice status.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

std::vector<Json> elements(const Json& status, std::string_view name) {
  std::vector<Json> list;
  if (const Json* found = find(status, name); found != nullptr && found->IsArray()) {
    for (const Json& element : found->GetArray()) list.push_back(clone(element));
  }
  return list;
}

Json as_list(const std::vector<Json>& records) {
  Json list = make_array();
  for (const Json& record : records) push(list, clone(record));
  return list;
}

void print_processes(const Invocation& invocation, const Json& status) {
  std::vector<Json> processes = elements(status, "processes");
  for (Json& process : processes) {
    const Json* alive = find(process, "alive");
    set(process, "state", alive != nullptr && alive->IsTrue() ? "alive" : "gone");
  }
  print_heading("Processes");
  print_list(invocation, processes,
             {{"KIND", "kind"},
              {"STATE", "state", Column::Kind::kStatus},
              {"HOST", "host"},
              {"PID", "pid", Column::Kind::kNumber},
              {"SINCE", "started_at", Column::Kind::kTime}},
             "none; sluice up starts all three");
}

void print_queues(const Invocation& invocation, const Json& status) {
  print_heading("Queues");
  print_list(invocation, elements(status, "queues"),
             {{"NAME", "name"},
              {"PAUSED", "paused"},
              {"DUE", "due", Column::Kind::kNumber},
              {"OLDEST DUE", "oldest_due_at", Column::Kind::kTime}},
             "none");
}

ExitCode run_status(Invocation& invocation) {
  Database database(invocation);
  Json status = database.query("SELECT sluice.status()::text").one().get<Json>(0);
  const auto consumers = database.records(
      "SELECT name, kind, enabled, running, events_behind, seconds_behind, parked FROM sluice.consumer_lag ORDER BY "
      "name");
  const auto endpoints = database.records(
      "SELECT endpoint_id, url, CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS status, pending, held, "
      "oldest_seconds, success_rate, p99_ms"
      " FROM sluice.endpoint_overview ORDER BY url, endpoint_id");
  if (invocation.json()) {
    set(status, "consumers", as_list(consumers));
    set(status, "endpoints", as_list(endpoints));
    print_json(status);
    return ExitCode::kGood;
  }
  fmt::print("schema version {}, about {} sessions, {} failed tasks\n", in_words(find(status, "schema_version")),
             in_words(find(status, "sessions")), in_words(find(status, "failed_tasks")));
  const auto circuits = elements(status, "open_circuits");
  for (const Json& circuit : circuits)
    fmt::print("{} {}\n", inked("open circuit:", Ink::kBad, takes_colour(stdout)), printable(in_words(&circuit)));
  print_processes(invocation, status);
  print_queues(invocation, status);
  print_heading("Consumers of events");
  print_list(invocation, consumers,
             {{"NAME", "name"},
              {"KIND", "kind"},
              {"RUNNING", "running"},
              {"BEHIND", "events_behind", Column::Kind::kNumber},
              {"SECONDS", "seconds_behind", Column::Kind::kNumber},
              {"PARKED", "parked", Column::Kind::kNumber}},
             "none");
  print_heading("Webhook endpoints");
  print_list(invocation, endpoints,
             {{"URL", "url"},
              {"STATUS", "status", Column::Kind::kStatus},
              {"PENDING", "pending", Column::Kind::kNumber},
              {"HELD", "held", Column::Kind::kNumber},
              {"GOOD", "success_rate", Column::Kind::kNumber},
              {"P99 MS", "p99_ms", Column::Kind::kNumber}},
             "none");
  return ExitCode::kGood;
}

constexpr Flag kFlags[] = {kJsonFlag};

constexpr Command kCommands[] = {
    {"status", "", "what runs, what waits, what failed",
     "Processes, queues, consumers of events and webhook endpoints. Counts stop at 10,000, so asking is cheap at any "
     "size. Examples:\n\n"
     "  sluice status\n"
     "  sluice status --json | jq '.consumers[] | select(.events_behind > 0)'\n",
     kFlags, run_status},
};

}  // namespace

std::span<const Command> status_commands() {
  return kCommands;
}

}  // namespace sluice::cli
