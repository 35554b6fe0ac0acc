// sluice migrate, check-config.
#include "core/service/schema.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

std::string_view in_words(schema::State state) {
  switch (state) {
    case schema::State::kUpToDate:
      return "up to date";
    case schema::State::kBehind:
      return "behind";
    case schema::State::kAhead:
      return "ahead";
    case schema::State::kAheadBreaking:
      return "ahead, with breaking migrations";
  }
  return "";
}

Json names(const std::vector<std::string>& list) {
  Json out = make_array();
  for (const std::string& name : list) push(out, make_string(name));
  return out;
}

void print_check(const Invocation& invocation, const schema::CheckReport& report) {
  if (invocation.json()) {
    Json document = make_object();
    set(document, "state", in_words(report.state));
    set(document, "version", Json(report.version));
    set(document, "binary_version", Json(report.binary_version));
    set(document, "pending", names(report.pending));
    set(document, "unknown", names(report.unknown));
    return print_json(document);
  }
  fmt::print("the schema is {}: version {}, this program's is {}\n", in_words(report.state), report.version,
             report.binary_version);
  for (const std::string& name : report.pending) fmt::print("  to apply  {}\n", name);
  for (const std::string& name : report.unknown) fmt::print("  unknown   {}\n", name);
}

ExitCode check(const Invocation& invocation) {
  Database database(invocation);
  const schema::CheckReport report = database.run("checking", schema::check(database.connection(), schema::embedded()));
  print_check(invocation, report);
  if (report.state == schema::State::kBehind) throw Error("the schema is behind this program", "run: sluice migrate");
  if (report.state == schema::State::kAheadBreaking)
    throw Error("the schema is too new for this program", "install a newer release of sluice");
  return ExitCode::kGood;
}

ExitCode run_migrate(Invocation& invocation) {
  if (invocation.has("print")) {
    if (invocation.has("check") || invocation.has("to"))
      throw UsageError("--print shows everything: it goes without --check and --to");
    fmt::print("{}", schema::print(schema::embedded()));
    return ExitCode::kGood;
  }
  if (invocation.has("check")) {
    if (invocation.has("to")) throw UsageError("--check changes nothing: it goes without --to");
    return check(invocation);
  }
  const int to = invocation.positive("to", 0);
  Database database = Database::with_session(invocation);
  const schema::MigrateReport report =
      database.run("migrating", schema::migrate(database.connection(), schema::embedded(), {to}));
  if (invocation.json()) {
    Json document = make_object();
    set(document, "version", Json(report.version));
    set(document, "migrations", names(report.migrations));
    set(document, "api", names(report.api));
    print_json(document);
    return ExitCode::kGood;
  }
  for (const std::string& name : report.migrations) fmt::print("applied {}\n", name);
  if (!report.api.empty()) fmt::print("applied {} files of the API\n", report.api.size());
  fmt::print("the schema is at version {}\n", report.version);
  return ExitCode::kGood;
}

ExitCode run_check_config(Invocation& invocation) {
  const std::string& file = invocation.line.config_file;
  fmt::print("the configuration is good ({})\n", file.empty() ? "no file is read" : file);
  if (!invocation.has("connect")) return ExitCode::kGood;
  Database database(invocation);
  const pg::Result who = database.query("SELECT current_user, current_database(), current_setting('server_version')");
  fmt::print("connected as {} to {}, PostgreSQL {}\n", who.one().text(0), who.one().text(1), who.one().text(2));
  const schema::CheckReport report = database.run("checking", schema::check(database.connection(), schema::embedded()));
  print_check(invocation, report);
  return report.state == schema::State::kBehind || report.state == schema::State::kAheadBreaking ? ExitCode::kFailed
                                                                                                 : ExitCode::kGood;
}

constexpr Flag kMigrateFlags[] = {
    {"to", "N", "stop at migration N; the API is left as it is unless N is the last"},
    {"check", "", "change nothing; exit code 1 when migrations are to be applied"},
    {"print", "", "print the SQL for an empty database, for psql; needs no database"},
    kJsonFlag,
};
constexpr Flag kCheckConfigFlags[] = {{"connect", "", "also connect to the database and compare its schema"}};

constexpr Command kCommands[] = {
    {"migrate", "", "bring the database's schema up to date",
     "Applies the numbered migrations that are missing, each in a transaction of its own, then the functions and views "
     "that\n"
     "changed. Several at once are safe. Daemons refuse to start on a schema that is behind. Examples:\n\n"
     "  sluice migrate --dsn postgresql://localhost/sluice\n"
     "  sluice migrate --check || echo 'not yet'\n"
     "  sluice migrate --print | psql -v ON_ERROR_STOP=1\n",
     kMigrateFlags, run_migrate},
    {"check-config", "", "say whether the configuration can be used",
     "Reads file, environment and flags as a daemon would. A mistake is told with FILE:LINE, key and what is allowed, "
     "and exit\n"
     "code 78. --dump-config shows every value and where it came from. Examples:\n\n"
     "  sluice check-config --config /etc/sluice/sluice.toml\n"
     "  sluice check-config --connect\n",
     kCheckConfigFlags, run_check_config},
};

}  // namespace

std::span<const Command> schema_commands() {
  return kCommands;
}

}  // namespace sluice::cli
