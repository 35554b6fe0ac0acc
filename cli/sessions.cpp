// sluice session list, show, end.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/said.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

ExitCode run_list(Invocation& invocation) {
  const int limit = invocation.positive("limit", 50);
  Database database(invocation);
  pg::Params params;
  params.text(invocation.has("flow") ? std::optional<std::string>(invocation.flag("flow")) : std::nullopt);
  params.text(invocation.one_of("status", "active completed abandoned"));
  params.int4(limit);
  const auto sessions = database.records(
      "SELECT session_id, flow, flow_version, user_id, status, current_node_id, revision, waits_for, started_at, "
      "last_activity_at, ended_at,"
      " correlation_id, last_error FROM sluice.session_overview"
      " WHERE ($1 IS NULL OR flow = $1) AND ($2 IS NULL OR status = $2) ORDER BY started_at DESC LIMIT $3",
      std::move(params));
  print_list(invocation, sessions,
             {{"SESSION", "session_id"},
              {"FLOW", "flow", Column::Kind::kText, 24},
              {"STATUS", "status", Column::Kind::kStatus},
              {"NODE", "current_node_id", Column::Kind::kText, 24},
              {"REV", "revision", Column::Kind::kNumber},
              {"WAITS FOR", "waits_for"},
              {"LAST ACTIVITY", "last_activity_at", Column::Kind::kTime},
              {"ERROR", "last_error", Column::Kind::kText, 40}},
             "no sessions");
  return ExitCode::kGood;
}

// The session by its id, else by its token, for which the database has the words when it is unknown.
Json session_of(Database& database, const std::string& given) {
  if (Uuid::parse(given)) {
    auto found = database.records(
        "SELECT s.id AS session_id, s.flow_id, f.name AS flow, v.version AS flow_version, s.user_id, s.status, "
        "s.current_node_id, s.revision, s.state,"
        " s.state_hash, s.wait, s.info, s.correlation_id, s.started_at, s.last_activity_at, s.ended_at"
        " FROM sluice.conversation_sessions s LEFT JOIN sluice.flow_definitions f ON f.id = s.flow_id"
        " LEFT JOIN sluice.flow_versions v ON v.id = s.flow_version_id WHERE s.id = $1",
        pg::Params().uuid(Uuid::parse(given)));
    if (!found.empty()) return std::move(found.front());
  }
  return database.query("SELECT sluice.session($1)::text", pg::Params().text(given)).one().get<Json>(0);
}

std::vector<Json> history_of(Database& database, std::string_view session_id) {
  return database.records(
      "SELECT id, node_id, interaction_type, content, created_at FROM sluice.conversation_history WHERE session_id = "
      "$1 ORDER BY id",
      pg::Params().uuid(Uuid::parse(session_id)));
}

ExitCode run_show(Invocation& invocation) {
  Database database(invocation);
  Json session = session_of(database, invocation.argument(0));
  std::vector<Json> history = history_of(database, string_member(session, "session_id"));
  if (invocation.json()) {
    Json list = make_array();
    for (Json& row : history) push(list, std::move(row));
    set(session, "history", std::move(list));
    print_json(session);
    return ExitCode::kGood;
  }
  print_record(invocation, session);
  print_heading("History");
  for (Json& row : history) {
    const Json* content = find(row, "content");
    set(row, "words", content == nullptr ? "" : words_of(*content));
  }
  print_list(invocation, history,
             {{"TIME", "created_at", Column::Kind::kTime},
              {"KIND", "interaction_type"},
              {"NODE", "node_id", Column::Kind::kText, 24},
              {"WORDS", "words", Column::Kind::kText, 100}},
             "nothing was said or done yet");
  return ExitCode::kGood;
}

ExitCode run_end(Invocation& invocation) {
  Database database(invocation);
  const std::string given = invocation.argument(0);
  std::string token = given;
  if (Uuid::parse(given)) {
    const pg::Result found = database.query("SELECT session_token FROM sluice.conversation_sessions WHERE id = $1",
                                            pg::Params().uuid(Uuid::parse(given)));
    if (!found.empty()) token = found.one().get<std::string>(0);
  }
  const std::string status = invocation.one_of("status", "completed abandoned").value_or("completed");
  const pg::Result ended = database.query("SELECT sluice.end_session($1, $2)", pg::Params().text(token).text(status));
  const auto revision = ended.one().get<std::int32_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "status", status);
    set(document, "revision", Json(revision));
    print_json(document);
  } else {
    fmt::print("the session is {} at revision {}\n", status, revision);
  }
  return ExitCode::kGood;
}

constexpr Flag kListFlags[] = {
    {"flow", "NAME", "only those of this flow"},
    {"status", "WORD", "only those that are active, completed or abandoned"},
    {"limit", "N", "the newest N (default 50)"},
    kJsonFlag,
};
constexpr Flag kShowFlags[] = {kJsonFlag};
constexpr Flag kEndFlags[] = {{"status", "WORD", "completed (default) or abandoned"}, kJsonFlag};

constexpr Command kCommands[] = {
    {"session list", "", "the newest sessions", "Example:\n\n  sluice session list --flow bookbot --status active\n",
     kListFlags, run_list},
    {"session show", "SESSION", "one session: its state, what it waits for, and what was said",
     "SESSION is its id or its token. Examples:\n\n"
     "  sluice session show 6f1c3a52-0a51-4a8e-9d0b-2f3f6a0f7a11\n"
     "  sluice session show 6f1c3a52-0a51-4a8e-9d0b-2f3f6a0f7a11 --json | jq .state.variables\n",
     kShowFlags, run_show},
    {"session end", "SESSION", "end a session",
     "Ending is a step: it raises the revision, and a task under way changes nothing any more. Example:\n\n"
     "  sluice session end 6f1c3a52-0a51-4a8e-9d0b-2f3f6a0f7a11 --status abandoned\n",
     kEndFlags, run_end},
};

}  // namespace

std::span<const Command> session_commands() {
  return kCommands;
}

}  // namespace sluice::cli
