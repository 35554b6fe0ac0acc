// sluice endpoints list, show, test, rotate, enable, disable.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/table.h"
#include "core/base/crypto.h"
#include "core/base/signature.h"

namespace sluice::cli {
namespace {

// What is not an id is told in words before the database would say "invalid input syntax".
Uuid endpoint_argument(const Invocation& invocation) {
  const auto id = Uuid::parse(invocation.argument(0));
  if (!id)
    throw UsageError(fmt::format("'{}' is no endpoint id", invocation.argument(0)),
                     "sluice endpoints list shows the ids");
  return *id;
}

ExitCode run_list(Invocation& invocation) {
  Database database(invocation);
  const auto endpoints = database.records(
      "SELECT endpoint_id, url, CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS status, events, ordering, "
      "pending, held, oldest_seconds, coalesce(breaker ->> 'state', 'closed') AS breaker, paused_until, attempts, "
      "success_rate, p50_ms, p99_ms, disabled_at, disabled_reason, validation FROM sluice.endpoint_overview ORDER BY "
      "url, endpoint_id");
  print_list(invocation, endpoints,
             {{"ENDPOINT", "endpoint_id"},
              {"URL", "url", Column::Kind::kText, 50},
              {"STATUS", "status", Column::Kind::kStatus},
              {"EVENTS", "events", Column::Kind::kText, 30},
              {"PENDING", "pending", Column::Kind::kNumber},
              {"HELD", "held", Column::Kind::kNumber},
              {"OLDEST S", "oldest_seconds", Column::Kind::kNumber},
              {"BREAKER", "breaker", Column::Kind::kStatus},
              {"GOOD", "success_rate", Column::Kind::kNumber},
              {"P50 MS", "p50_ms", Column::Kind::kNumber},
              {"P99 MS", "p99_ms", Column::Kind::kNumber}},
             "no endpoints; SELECT * FROM sluice.subscribe('https://…') adds one");
  return ExitCode::kGood;
}

ExitCode run_show(Invocation& invocation) {
  const Uuid id = endpoint_argument(invocation);
  Database database(invocation);
  const auto found =
      database.records("SELECT * FROM sluice.endpoint_overview WHERE endpoint_id = $1", pg::Params().uuid(id));
  if (found.empty()) throw Error(fmt::format("unknown endpoint {}", to_text(id)), "sluice endpoints list shows them");
  print_record(invocation, found.front());
  return ExitCode::kGood;
}

ExitCode run_test(Invocation& invocation) {
  const Uuid id = endpoint_argument(invocation);
  Database database(invocation);
  const auto delivery =
      database.query("SELECT sluice.test_endpoint($1)", pg::Params().uuid(id)).one().get<std::int64_t>(0);
  if (invocation.json()) {
    Json document = make_object();
    set(document, "delivery_id", Json(delivery));
    print_json(document);
  } else {
    fmt::print("a signed ping is on its way: sluice deliveries show {}\n", delivery);
  }
  return ExitCode::kGood;
}

// An Ed25519 key pair cannot be made in the database: made here, and stored as rotate_secret() stores the other kind.
std::string rotate_ed25519(Database& database, const Uuid& endpoint, const std::string& overlap) {
  const std::string seed_bytes = random_bytes(sizeof(Ed25519Seed));
  Ed25519Seed seed;
  std::copy(seed_bytes.begin(), seed_bytes.end(), seed.begin());
  const Ed25519Public key = ed25519_public(seed);
  const std::string secret = "whsk_" + base64_encode(seed_bytes + std::string(as_text(key)));
  database.in_transaction([&] {
    (void)database.query("SELECT FROM sluice.webhook_endpoints WHERE id = $1 FOR NO KEY UPDATE",
                         pg::Params().uuid(endpoint));
    const auto valid = database.query(
        "SELECT count(*) FROM sluice.webhook_secrets WHERE endpoint_id = $1 AND coalesce(valid_until, 'infinity') > "
        "clock_timestamp()",
        pg::Params().uuid(endpoint));
    if (valid.one().get<std::int64_t>(0) >= static_cast<std::int64_t>(kMaxSignatures) && overlap != "0") {
      throw Error(fmt::format("the endpoint has {} valid secrets already", kMaxSignatures),
                  "rotate with --overlap 0, or wait until some have ended");
    }
    (void)database.query(
        "UPDATE sluice.webhook_secrets SET valid_until = least(valid_until, clock_timestamp() + $2::text::interval) "
        "WHERE endpoint_id = $1",
        pg::Params().uuid(endpoint).text(overlap));
    (void)database.query("INSERT INTO sluice.webhook_secrets (endpoint_id, kind, secret) VALUES ($1, 'ed25519', $2)",
                         pg::Params().uuid(endpoint).text(secret));
    (void)database.query("SELECT pg_notify('sluice_wake', 'lanes')");  // a notifier encrypts it
  });
  return secret;
}

void check_overlap(Database& database, const std::string& overlap) {
  const pg::Result fits =
      database.query("SELECT $1::text::interval BETWEEN '0' AND '7 days'", pg::Params().text(overlap));
  if (!fits.one().get<bool>(0)) throw Error(fmt::format("bad overlap {}", overlap), "give 0 to 7 days");
}

ExitCode run_rotate(Invocation& invocation) {
  const Uuid id = endpoint_argument(invocation);
  const std::string overlap = invocation.flag("overlap", "24 hours");
  Database database(invocation);
  check_overlap(database, overlap);
  const pg::Result newest = database.query(
      "SELECT kind FROM sluice.webhook_secrets WHERE endpoint_id = $1 ORDER BY id DESC LIMIT 1", pg::Params().uuid(id));
  std::string secret;
  if (!newest.empty() && newest.one().text(0) == "ed25519") {
    secret = rotate_ed25519(database, id, overlap);
  } else {
    const pg::Result made =
        database.query("SELECT sluice.rotate_secret($1, $2::text::interval)", pg::Params().uuid(id).text(overlap));
    secret = made.one().get<std::string>(0);
  }
  const auto public_key = SigningSecret::parse(secret).public_key();
  if (invocation.json()) {
    Json document = make_object();
    set(document, "signing_secret", secret);
    if (public_key) set(document, "public_key", *public_key);
    print_json(document);
    return ExitCode::kGood;
  }
  fmt::print("{}\n", secret);
  if (public_key) fmt::print("public key: {}\n", *public_key);
  fmt::print(stderr, "this is not shown again; older secrets sign too until the overlap ({}) ends\n", overlap);
  return ExitCode::kGood;
}

void print_state(const Uuid& id, bool enabled) {
  Json document = make_object();
  set(document, "endpoint_id", to_text(id));
  set(document, "enabled", Json(enabled));
  print_json(document);
}

ExitCode run_enable(Invocation& invocation) {
  const Uuid id = endpoint_argument(invocation);
  Database database(invocation);
  (void)database.query("SELECT sluice.enable_endpoint($1, $2)",
                       pg::Params().uuid(id).boolean(invocation.has("replay")));
  const pg::Result state =
      database.query("SELECT enabled FROM sluice.endpoint_overview WHERE endpoint_id = $1", pg::Params().uuid(id));
  const bool enabled = state.one().get<bool>(0);
  if (invocation.json()) {
    print_state(id, enabled);
  } else {
    fmt::print("endpoint {} {}\n", to_text(id), enabled ? "is enabled" : "is asked for its validation first");
  }
  return ExitCode::kGood;
}

ExitCode run_disable(Invocation& invocation) {
  const Uuid id = endpoint_argument(invocation);
  Database database(invocation);
  (void)database.query("SELECT sluice.disable_endpoint($1, $2)",
                       pg::Params().uuid(id).text(invocation.flag("reason", "disabled by hand")));
  if (invocation.json()) {
    print_state(id, false);
  } else {
    fmt::print("endpoint {} is disabled; its events are stored meanwhile\n", to_text(id));
  }
  return ExitCode::kGood;
}

constexpr Flag kJsonOnly[] = {kJsonFlag};
constexpr Flag kRotateFlags[] = {
    {"overlap", "TIME", "how long older secrets go on signing: '24 hours' (default), 0 to '7 days'"}, kJsonFlag};
constexpr Flag kEnableFlags[] = {{"replay", "", "also send what was stored while it was disabled"}, kJsonFlag};
constexpr Flag kDisableFlags[] = {{"reason", "TEXT", "what the list shows (default: disabled by hand)"}, kJsonFlag};

constexpr Command kCommands[] = {
    {"endpoints list", "", "subscribers with their backlog, and how the last 15 minutes went",
     "Example:\n\n  sluice endpoints list\n", kJsonOnly, run_list},
    {"endpoints show", "ENDPOINT", "one endpoint: limits, backlog, breaker", "Secrets are never shown again.\n",
     kJsonOnly, run_show},
    {"endpoints test", "ENDPOINT", "send a signed ping",
     "A running notifier sends it; what came of it is in the delivery. Example:\n\n"
     "  sluice endpoints test 0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10\n",
     kJsonOnly, run_test},
    {"endpoints rotate", "ENDPOINT", "make a new signing secret and print it",
     "Of the kind of the newest one: HMAC (whsec_) or Ed25519 (whsk_, with the public key for receivers). Older ones "
     "sign too until\n"
     "the overlap ends. Example:\n\n"
     "  sluice endpoints rotate 0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10 --overlap '2 days'\n",
     kRotateFlags, run_rotate},
    {"endpoints enable", "ENDPOINT", "send to an endpoint again",
     "Example:\n\n  sluice endpoints enable 0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10 --replay\n", kEnableFlags, run_enable},
    {"endpoints disable", "ENDPOINT", "stop sending to an endpoint; its events are stored",
     "Example:\n\n  sluice endpoints disable 0b5f6f5e-57a1-4f43-9d55-6a1f2b9f3a10 --reason moving\n", kDisableFlags,
     run_disable},
};

}  // namespace

std::span<const Command> endpoint_commands() {
  return kCommands;
}

}  // namespace sluice::cli
