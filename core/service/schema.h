// Brings a database's schema to what this binary was built with: the embedded migrations, then the API files.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/pg/connection.h"

namespace sluice::schema {

struct Migration {
  int version = 0;
  std::string_view name;  // the file's name: 0001_sessions.sql
  std::string_view text;
  bool breaking = false;  // first line `--! breaking`: older binaries must not work on the database any more
};

// What to bring a database to. embedded() is the binary's own; tests make others.
struct Content {
  std::vector<Migration> migrations;  // by version, from 1 up, without equal versions
  struct ApiFile {
    std::string_view name;
    std::string_view text;
  };
  std::vector<ApiFile> api;  // by name
  std::string_view release =
      SLUICE_VERSION;  // of the API files: one that is older than the database's does not replace them
};
[[nodiscard]] const Content& embedded();

struct MigrateOptions {
  int to = 0;  // the last version to apply; 0: all. API files are applied only when nothing is left out.
};

struct MigrateReport {
  std::vector<std::string> migrations;  // names of those applied by this call, in order
  std::vector<std::string> api;         // names of the API files that were (re-)applied
  int version = 0;                      // of the database now; 0: none
};

enum class State {
  kUpToDate,
  kBehind,         // migrations or API files are to be applied: `sluice migrate`
  kAhead,          // the database has migrations or functions of a newer binary; none of the migrations is breaking
  kAheadBreaking,  // at least one of them is: this binary must not run
};

struct CheckReport {
  State state = State::kUpToDate;
  int version = 0;                   // of the database; 0: none
  int binary_version = 0;            // of the content
  std::vector<std::string> pending;  // names of migrations and API files to apply, when behind
  std::vector<std::string> unknown;  // what only the database has: names of migrations, or "the functions of VERSION"
};

// Applies what is missing: each migration in a transaction of its own, then the changed API files in one. Two at once
// are safe: the second waits and finds nothing to do. Creates the schemas sluice and sluice_private if absent. Throws
// Error when an applied migration's text has changed, `to` is unknown or a breaking migration is due while daemons are
// at work, PgError with the file's name in statement() when the SQL fails; what was committed before stays.
Task<MigrateReport> migrate(pg::Connection& connection, const Content& content, MigrateOptions options = {});

// Compares without writing. Throws Error when an applied migration's text has changed.
Task<CheckReport> check(pg::Connection& connection, const Content& content);

// What a daemon does at start-up and whenever its heartbeat connects again: returns when it may run (up to date, or
// ahead without a breaking migration), else throws Error with the advice what to do.
Task<void> require_up_to_date(pg::Connection& connection, const Content& content);

// The SQL that migrate() would run on an empty database, as one text for psql.
[[nodiscard]] std::string print(const Content& content);

}  // namespace sluice::schema
