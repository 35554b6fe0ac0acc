// sluice events list, show, tail, retry, discard, replay, resync.
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

// What consumers set aside after their attempts, and what waits behind it.
ExitCode list_parked(Invocation& invocation, int limit) {
  Database database(invocation);
  pg::Params params;
  params.text(given(invocation, "type")).text(given(invocation, "session")).int4(limit);
  const auto parked = database.records(
      "SELECT c.name AS consumer, f.event_id, f.event_type, f.session_id, f.key, f.correlation_id, f.attempts, "
      "f.error, f.parked_at, f.retry_at"
      " FROM sluice.event_failures f JOIN sluice.event_consumers c ON c.id = f.consumer_id"
      " WHERE ($1 IS NULL OR f.event_type = $1) AND ($2 IS NULL OR f.session_id::text = $2) ORDER BY f.event_id, c.id "
      "LIMIT $3",
      std::move(params));
  print_list(invocation, parked,
             {{"CONSUMER", "consumer"},
              {"EVENT", "event_id", Column::Kind::kNumber},
              {"PARKED", "parked_at", Column::Kind::kTime},
              {"TYPE", "event_type"},
              {"SESSION", "session_id"},
              {"ATTEMPTS", "attempts", Column::Kind::kNumber},
              {"ERROR", "error", Column::Kind::kText, 48}},
             "no events are parked");
  return ExitCode::kGood;
}

ExitCode run_list(Invocation& invocation) {
  const int limit = invocation.positive("limit", 50);
  if (invocation.has("parked")) return list_parked(invocation, limit);
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

std::int64_t consumer_named(Database& database, const std::string& name) {
  return database.query("SELECT sluice_private.consumer_named($1)", pg::Params().text(name)).one().get<std::int64_t>(0);
}

// Puts the cursor before the oldest transaction that wrote an event since then. The listener reads it with its next
// batch.
std::int64_t go_back(Database& database, std::int64_t consumer, const std::string& since) {
  std::int64_t count = 0;
  database.in_transaction([&] {
    const pg::Result found = database.query(
        "SELECT count(*), min(xid::text::numeric)::text FROM sluice.flow_events WHERE created_at >= "
        "$1::text::timestamptz",
        pg::Params().text(since));
    count = found.one().get<std::int64_t>(0);
    if (count == 0) return;
    const pg::Result position = database.query(
        "SELECT max(seq) FROM sluice_private.event_positions WHERE consumer_id = $1", pg::Params().int8(consumer));
    const std::string cursor = fmt::format("{0}:{0}:", found.one().text(1));
    (void)database.query("SELECT sluice_private.move_cursor($1, $2, $3::text::pg_snapshot, NULL, NULL)",
                         pg::Params().int8(consumer).int8(position.one().get<std::int64_t>(0)).text(cursor));
    (void)database.query("SELECT pg_notify('sluice_wake', 'consumers')");
  });
  return count;
}

ExitCode run_replay(Invocation& invocation) {
  if (!invocation.has("since"))
    throw UsageError("events replay needs --since TIME", "sluice events retry CONSUMER has parked events taken again");
  Database database(invocation);
  const std::string name = invocation.argument(0);
  const std::int64_t count = go_back(database, consumer_named(database, name), invocation.flag("since"));
  if (invocation.json()) {
    Json document = make_object();
    set(document, "events", Json(count));
    print_json(document);
  } else {
    fmt::print("{} {} to {} again\n", count, count == 1 ? "event goes" : "events go", name);
  }
  return ExitCode::kGood;
}

// What `statement` makes of each parked event that the arguments behind the consumer name, all or none.
ExitCode for_each_parked(Invocation& invocation, std::string_view statement, std::string_view done) {
  const std::string consumer = invocation.argument(0);
  const std::vector<std::int64_t> ids = number_arguments(invocation, "event", 1);
  Database database(invocation);
  database.in_transaction([&] {
    for (const std::int64_t id : ids) (void)database.query(statement, pg::Params().text(consumer).int8(id));
  });
  print_done(invocation, ids, "event", done);
  return ExitCode::kGood;
}

ExitCode run_retry(Invocation& invocation) {
  if (!invocation.argument(1).empty())
    return for_each_parked(invocation, "SELECT sluice.retry_event($1, $2)", "will be taken again");
  Database database(invocation);
  const std::string consumer = invocation.argument(0);
  const pg::Result marked = database.query("SELECT sluice.retry_event($1)", pg::Params().text(consumer));
  const auto count = marked.one().get<std::int64_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "first", Json(count));
    print_json(document);
  } else {
    fmt::print("{} will take its parked events again, beginning with {}\n", consumer, count);
  }
  return ExitCode::kGood;
}

ExitCode run_discard(Invocation& invocation) {
  return for_each_parked(invocation, "SELECT sluice.discard_event($1, $2)", "discarded");
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
constexpr Flag kListFlags[] = {kTypeFlag,
                               kSessionFlag,
                               {"parked", "", "what consumers set aside, oldest first"},
                               {"limit", "N", "the newest N (default 50)"},
                               kJsonFlag};
constexpr Flag kShowFlags[] = {kJsonFlag};
constexpr Flag kTailFlags[] = {kTypeFlag, kSessionFlag, {"json", "", "print one JSON document a line"}};
constexpr Flag kJsonOnly[] = {kJsonFlag};
constexpr Flag kReplayFlags[] = {{"since", "TIME", "from this time on, as PostgreSQL reads times"}, kJsonFlag};
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
    {"events retry", "CONSUMER [EVENT...]", "have parked events taken again: those named, or all of a consumer",
     "The listener does it, in order: of a session from its first parked event on, until one fails again. Examples:\n\n"
     "  sluice events list --parked\n"
     "  sluice events retry my_handler\n"
     "  sluice events retry my_handler 815\n",
     kJsonOnly, run_retry},
    {"events discard", "CONSUMER EVENT...", "give up parked events",
     "All of them or none. What was parked behind one in its session is taken then. Example:\n\n"
     "  sluice events discard my_handler 815\n",
     kJsonOnly, run_discard},
    {"events replay", "CONSUMER", "give a consumer all events since a time once more",
     "Its cursor goes back: it gets every event from there on again. Example:\n\n"
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
