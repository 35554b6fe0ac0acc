// sluice events list, show, tail, replay, resync.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/numbers.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenPolls{250};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns{{"EVENT", "id", Column::Kind::kNumber},
                                            {"TIME", "created_at", Column::Kind::kTime},
                                            {"TYPE", "event_type"},
                                            {"SESSION", "session_id"},
                                            {"KEY", "key", Column::Kind::kText, 24},
                                            {"REV", "revision", Column::Kind::kNumber},
                                            {"NODE", "node", Column::Kind::kText, 24}};
  return kColumns;
}

constexpr std::string_view kEvent =
    "id, created_at, event_type, session_id, flow_id, user_id, key, correlation_id, body::jsonb #>> '{data,revision}' "
    "AS revision,"
    " body::jsonb #>> '{data,current_node}' AS node, body::json AS body";

std::optional<std::string> given(const Invocation& invocation, std::string_view flag) {
  return invocation.has(flag) ? std::optional<std::string>(invocation.flag(flag)) : std::nullopt;
}

ExitCode run_list(Invocation& invocation) {
  const int limit = invocation.positive("limit", 50);
  Database database(invocation);
  pg::Params params;
  params.text(given(invocation, "type")).text(given(invocation, "session")).int4(limit);
  auto events = database.records(
      fmt::format("SELECT {} FROM (SELECT * FROM sluice.flow_events WHERE ($1 IS NULL OR event_type = $1 OR alias = $1)"
                  " AND ($2 IS NULL OR session_id::text = $2) ORDER BY id DESC LIMIT $3) AS newest ORDER BY id",
                  kEvent),
      std::move(params));
  print_list(invocation, events, columns(), "no events");
  return ExitCode::kGood;
}

ExitCode run_show(Invocation& invocation) {
  const std::int64_t id = number_argument(invocation, 0, "event");
  Database database(invocation);
  const auto found =
      database.records(fmt::format("SELECT {} FROM sluice.flow_events WHERE id = $1", kEvent), pg::Params().int8(id));
  if (found.empty())
    throw Error(fmt::format("event {} is not in the log", id),
                "old events are trimmed away; sluice events list shows the newest");
  print_record(invocation, found.front());
  return ExitCode::kGood;
}

void print_event(const Invocation& invocation, const Json& event) {
  if (invocation.json()) return print_json(event);
  fmt::print("{}  {}  {}  {}  {}\n", in_words(find(event, "id")),
             in_words(find(event, "created_at"), Column::Kind::kTime),
             inked(printable(in_words(find(event, "event_type"))), Ink::kBold, takes_colour(stdout)),
             printable(in_words(find(event, "session_id")->IsNull() ? find(event, "key") : find(event, "session_id"))),
             printable(to_text(*find(event, "body"))));
}

// What the snapshot of the last look did not see, in order: a late commit comes late, but it comes (DESIGN 4).
ExitCode run_tail(Invocation& invocation) {
  Database database(invocation);
  std::string cursor = database.query("SELECT pg_current_snapshot()::text").one().get<std::string>(0);
  const std::string select = fmt::format(
      "SELECT {} FROM sluice.flow_events WHERE (xid >= pg_snapshot_xmax($1::text::pg_snapshot) OR xid = ANY "
      "(ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot))))"
      " AND ($2 IS NULL OR event_type = $2 OR alias = $2) AND ($3 IS NULL OR session_id::text = $3) ORDER BY id",
      kEvent);
  while (true) {
    (void)database.query(
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");  // the snapshot and the rows are of one moment
    std::string next = database.query("SELECT pg_current_snapshot()::text").one().get<std::string>(0);
    const auto events = database.records(
        select, pg::Params().text(cursor).text(given(invocation, "type")).text(given(invocation, "session")));
    (void)database.query("COMMIT");
    cursor = std::move(next);
    for (const Json& event : events) print_event(invocation, event);
    if (std::fflush(stdout) != 0) return ExitCode::kFailed;
    database.pause(kBetweenPolls);
  }
}

struct Consumer {
  std::int64_t id = 0;
  std::string kind;
};

Consumer consumer_named(Database& database, const std::string& name) {
  const pg::Result found =
      database.query("SELECT id, kind FROM sluice.event_consumers WHERE name = $1", pg::Params().text(name));
  if (found.empty())
    throw Error(fmt::format("event consumer '{}' is unknown", name), "sluice status lists the consumers of events");
  return {found.one().get<std::int64_t>("id"), found.one().get<std::string>("kind")};
}

// Puts the cursor before the oldest transaction that wrote an event since then. The listener reads it with its next
// batch.
std::int64_t go_back(Database& database, const Consumer& consumer, const std::string& since) {
  std::int64_t count = 0;
  database.in_transaction([&] {
    const pg::Result found = database.query(
        "SELECT count(*), min(xid::text::numeric)::text FROM sluice.flow_events WHERE created_at >= "
        "$1::text::timestamptz",
        pg::Params().text(since));
    count = found.one().get<std::int64_t>(0);
    if (count == 0) return;
    const pg::Result position = database.query(
        "SELECT max(seq) FROM sluice_private.event_positions WHERE consumer_id = $1", pg::Params().int8(consumer.id));
    const std::string cursor = fmt::format("{0}:{0}:", found.one().text(1));
    (void)database.query("SELECT sluice_private.move_cursor($1, $2, $3::text::pg_snapshot, NULL, NULL)",
                         pg::Params().int8(consumer.id).int8(position.one().get<std::int64_t>(0)).text(cursor));
    (void)database.query("SELECT pg_notify('sluice_wake', 'consumers')");
  });
  return count;
}

// Gives the parked events to the handler again, in order, in the transaction that forgets them: all of them or none.
std::int64_t run_parked(Database& database, const Consumer& consumer, const std::string& name) {
  if (consumer.kind != "sql")
    throw Error(fmt::format("parked events of consumer '{}' ({}) cannot be run again", name, consumer.kind),
                "--since TIME has it read the log again");
  std::int64_t count = 0;
  database.in_transaction([&] {
    const pg::Result handler =
        database.query("SELECT handler::regprocedure::oid::regproc::text FROM sluice.event_handlers WHERE name = $1",
                       pg::Params().text(name));
    const pg::Result parked = database.query(
        "WITH taken AS (DELETE FROM sluice.event_failures WHERE consumer_id = $1 RETURNING event_id, body)"
        " SELECT count(*), coalesce(jsonb_agg(body::jsonb || jsonb_build_object('id', event_id) ORDER BY event_id), "
        "'[]')::text FROM taken",
        pg::Params().int8(consumer.id));
    count = parked.one().get<std::int64_t>(0);
    if (count > 0)
      (void)database.query(fmt::format("SELECT {}($1)", handler.one().text(0)),
                           pg::Params().jsonb_text(parked.one().text(1)));
  });
  return count;
}

ExitCode run_replay(Invocation& invocation) {
  Database database(invocation);
  const std::string name = invocation.argument(0);
  const Consumer consumer = consumer_named(database, name);
  const std::int64_t count = invocation.has("since") ? go_back(database, consumer, invocation.flag("since"))
                                                     : run_parked(database, consumer, name);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "events", Json(count));
    print_json(document);
  } else {
    fmt::print("{} {} to {} again\n", count, count == 1 ? "event went" : "events went", name);
  }
  return ExitCode::kGood;
}

ExitCode run_resync(Invocation& invocation) {
  Database database(invocation);
  const pg::Result done =
      database.query("SELECT sluice.events_resync($1)", pg::Params().boolean(invocation.has("skip-unhandled")));
  const auto count = done.one().get<std::int64_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "unhandled", Json(count));
    print_json(document);
  } else {
    fmt::print("cursors and log fit this cluster; {} events are to be handled\n", count);
  }
  return ExitCode::kGood;
}

constexpr Flag kTypeFlag{"type", "TYPE", "only events of this type or alias: node_changed, session.completed"};
constexpr Flag kSessionFlag{"session", "ID", "only events of this session"};
constexpr Flag kListFlags[] = {kTypeFlag, kSessionFlag, {"limit", "N", "the newest N (default 50)"}, kJsonFlag};
constexpr Flag kShowFlags[] = {kJsonFlag};
constexpr Flag kTailFlags[] = {kTypeFlag, kSessionFlag, {"json", "", "print one JSON document a line"}};
constexpr Flag kReplayFlags[] = {{"since", "TIME", "read the log again from this time on, as PostgreSQL reads times"},
                                 kJsonFlag};
constexpr Flag kResyncFlags[] = {{"skip-unhandled", "", "take what was not handled before the restore as handled"},
                                 kJsonFlag};

constexpr Command kCommands[] = {
    {"events list", "", "the newest events", "Example:\n\n  sluice events list --type node_changed --limit 20\n",
     kListFlags, run_list},
    {"events show", "EVENT", "one event with its body", "Example:\n\n  sluice events show 815\n", kShowFlags, run_show},
    {"events tail", "", "show events as they commit, until interrupted",
     "Reads the log itself, so it needs no listener and disturbs none. Example:\n\n  sluice events tail --json | jq "
     ".body.data\n",
     kTailFlags, run_tail},
    {"events replay", "CONSUMER", "give a consumer its parked events again, or all events since a time",
     "Without --since, the events that a SQL handler failed on go to it again, in order, all or none. With --since, "
     "the consumer's\n"
     "cursor goes back: it gets every event from there on once more. Examples:\n\n"
     "  sluice events replay my_handler\n"
     "  sluice events replay relay --since '2026-01-02 03:00Z'\n",
     kReplayFlags, run_replay},
    {"events resync", "", "make cursors and log fit after a restore into another cluster",
     "Listeners refuse to run on a database that was restored from a dump until this was done. What no consumer had "
     "handled\n"
     "is handled then. Stop the listeners first. Example:\n\n  sluice events resync\n",
     kResyncFlags, run_resync},
};

}  // namespace

std::span<const Command> event_commands() {
  return kCommands;
}

}  // namespace sluice::cli
