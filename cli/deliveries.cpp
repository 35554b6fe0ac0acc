// sluice deliveries list, show, retry, replay.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/numbers.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

ExitCode run_list(Invocation& invocation) {
  const int limit = invocation.positive("limit", 50);
  Database database(invocation);
  pg::Params params;
  params.text(invocation.one_of("status", "pending held delivered dead"));
  params.text(invocation.has("endpoint") ? std::optional<std::string>(invocation.flag("endpoint")) : std::nullopt);
  params.int4(limit);
  const auto deliveries = database.records(
      "SELECT * FROM sluice.delivery_overview WHERE ($1 IS NULL OR status = $1) AND ($2 IS NULL OR endpoint_id::text = "
      "$2 OR url = $2)"
      " ORDER BY delivery_id DESC LIMIT $3",
      std::move(params));
  print_list(invocation, deliveries,
             {{"DELIVERY", "delivery_id", Column::Kind::kNumber},
              {"STATUS", "status", Column::Kind::kStatus},
              {"EVENT", "event_type"},
              {"URL", "url", Column::Kind::kText, 50},
              {"ATTEMPT", "attempt", Column::Kind::kNumber},
              {"HTTP", "response_status", Column::Kind::kNumber},
              {"ERROR", "error_class"},
              {"DUE", "due_at", Column::Kind::kTime},
              {"ENDED", "finished_at", Column::Kind::kTime}},
             "no deliveries");
  return ExitCode::kGood;
}

Json attempts_of(Database& database, std::int64_t delivery) {
  Json list = make_array();
  auto attempts = database.records(
      "SELECT attempt, outcome, status, error_class, address, started_at, duration_ms, encode(response, 'escape') AS "
      "response"
      " FROM sluice.webhook_attempts WHERE delivery_id = $1 ORDER BY created_at",
      pg::Params().int8(delivery));
  for (Json& attempt : attempts) push(list, std::move(attempt));
  return list;
}

ExitCode run_show(Invocation& invocation) {
  const std::int64_t id = number_argument(invocation, 0, "delivery");
  Database database(invocation);
  auto found = database.records("SELECT * FROM sluice.delivery_overview WHERE delivery_id = $1", pg::Params().int8(id));
  if (found.empty())
    throw Error(fmt::format("delivery {} is unknown", id),
                "sluice deliveries list shows them; what ended is kept for 30 days");
  Json& delivery = found.front();
  const auto messages = database.records("SELECT body FROM sluice.webhook_messages WHERE id = $1",
                                         pg::Params().text(string_member(delivery, "message_id")));
  set(delivery, "body", messages.empty() ? Json() : clone(*find(messages.front(), "body")));
  set(delivery, "attempts", attempts_of(database, id));
  print_record(invocation, delivery);
  return ExitCode::kGood;
}

ExitCode run_retry(Invocation& invocation) {
  const std::vector<std::int64_t> ids = number_arguments(invocation, "delivery");
  Database database(invocation);
  database.in_transaction([&] {
    for (const std::int64_t id : ids) (void)database.query("SELECT sluice.retry_delivery($1)", pg::Params().int8(id));
  });
  print_done(invocation, ids, "delivery", "is sent now");
  return ExitCode::kGood;
}

ExitCode run_replay(Invocation& invocation) {
  if (!invocation.has("since"))
    throw UsageError("deliveries replay needs --since TIME",
                     "for example --since 2026-01-02T03:00Z, or --since yesterday");
  Database database(invocation);
  pg::Params params;
  params.text(invocation.argument(0))
      .text(invocation.flag("since"))
      .text(invocation.flag("until", "now"))
      .boolean(!invocation.has("all"));
  const pg::Result replayed = database.query(
      "SELECT sluice.replay($1::text::uuid, $2::text::timestamptz, $3::text::timestamptz, $4)", std::move(params));
  const auto count = replayed.one().get<std::int64_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "replayed", Json(count));
    print_json(document);
  } else {
    fmt::print("{} {} sent again\n", count, count == 1 ? "delivery is" : "deliveries are");
  }
  return ExitCode::kGood;
}

constexpr Flag kListFlags[] = {
    {"status", "WORD", "only those that are pending, held, delivered or dead"},
    {"endpoint", "ID|URL", "only those to this endpoint"},
    {"limit", "N", "the newest N (default 50)"},
    kJsonFlag,
};
constexpr Flag kJsonOnly[] = {kJsonFlag};
constexpr Flag kReplayFlags[] = {
    {"since", "TIME", "from this time on, as PostgreSQL reads times: 2026-01-02T03:00Z, yesterday"},
    {"until", "TIME", "up to this time (default now)"},
    {"all", "", "also what was delivered, not only dead and held deliveries"},
    kJsonFlag,
};

constexpr Command kCommands[] = {
    {"deliveries list", "", "webhook deliveries, pending and ended",
     "Example:\n\n  sluice deliveries list --status dead\n", kListFlags, run_list},
    {"deliveries show", "DELIVERY", "one delivery: the message as it is sent, and each attempt",
     "Example:\n\n  sluice deliveries show 42\n", kJsonOnly, run_show},
    {"deliveries retry", "DELIVERY...", "send deliveries now, also ended ones, with their webhook-id",
     "All of them or none. Example:\n\n  sluice deliveries retry 42 43\n", kJsonOnly, run_retry},
    {"deliveries replay", "ENDPOINT", "send an endpoint's dead and held deliveries of a time again",
     "They keep their webhook-id and go in a lane of their own, which does not delay live traffic. Example:\n\n"
     "  sluice deliveries replay 0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10 --since 2026-01-02T03:00Z\n",
     kReplayFlags, run_replay},
};

}  // namespace

std::span<const Command> delivery_commands() {
  return kCommands;
}

}  // namespace sluice::cli
