#include "core/service/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>

#include "core/base/crypto.h"
#include "core/base/log.h"
#include "core/pg/transaction.h"
#include "sql/sql_text.h"

namespace sluice::schema {
namespace {

constexpr std::string_view kBreakingMark = "--! breaking";
constexpr std::int64_t kLockKey = 0x736C75696365;  // "sluice", of the session-level advisory lock that runners take

constexpr std::string_view kBookkeeping = R"(create schema if not exists sluice;
create schema if not exists sluice_private;
create table if not exists sluice.schema_migrations (
  version int primary key,
  name text not null,
  checksum text not null,
  breaking boolean not null default false,
  applied_at timestamptz not null default now()
);
create table if not exists sluice_private.api_files (
  path text primary key,
  checksum text not null
);
alter table sluice_private.api_files add column if not exists release text not null default '';
comment on schema sluice is 'Flows that run on PostgreSQL: tables, functions and views for everybody.';
comment on schema sluice_private is 'Internals of sluice: hot tables and functions that may change with any version.';
comment on table sluice.schema_migrations is 'The migrations applied to this database.';
comment on column sluice.schema_migrations.checksum is 'SHA-256 of the file, in hex.';
comment on column sluice.schema_migrations.breaking is 'Binaries that do not know this migration must not run.';
comment on table sluice_private.api_files is 'The files of functions and views, as last applied.';
comment on column sluice_private.api_files.release is 'The version of the sluice that applied it: an older one leaves it.';
)";

// Column release came after the tables.
constexpr std::string_view kBookkeepingFound =
    "select to_regclass('sluice.schema_migrations') is not null and to_regclass('sluice_private.api_files') is not "
    "null,"
    "       exists (select from pg_attribute"
    "                where attrelid = to_regclass('sluice_private.api_files') and attname = 'release')";
constexpr std::string_view kApiFiles =
    "select path, checksum, coalesce(to_jsonb(f) ->> 'release', '') from sluice_private.api_files as f";
constexpr std::string_view kRecordMigration =
    "insert into sluice.schema_migrations (version, name, checksum, breaking) values ($1, $2, $3, $4)";
constexpr std::string_view kRecordApiFile =
    "insert into sluice_private.api_files (path, checksum, release) values ($1, $2, $3)"
    " on conflict (path) do update set checksum = excluded.checksum, release = excluded.release";
constexpr std::string_view kDaemonsAtWork =
    "select string_agg(format('%s %s on %s', kind, pid, host), ', ' order by kind, host, pid)"
    "  from sluice_private.processes where heartbeat_at > clock_timestamp() - interval '4 seconds'";

struct Applied {
  std::string name;
  std::string checksum;
  bool breaking = false;
};

// What the database says about itself.
struct Book {
  bool exists = false;  // with all that kBookkeeping makes
  std::map<int, Applied> migrations;
  std::map<std::string, std::string, std::less<>> api;  // checksum by path
  std::string release;                                  // the newest that applied one of them

  [[nodiscard]] int version() const { return migrations.empty() ? 0 : migrations.rbegin()->first; }
};

std::string checksum_of(std::string_view text) {
  return hex_encode(as_text(sha256(text)));
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::array<int, 3> numbers_of(std::string_view release) {
  std::array<int, 3> numbers{};
  const char* at = release.data();
  const char* const end = at + release.size();
  for (int& number : numbers) {
    at = std::from_chars(at, end, number).ptr;
    if (at == end || *at != '.') break;
    ++at;
  }
  return numbers;
}

// NNNN_subject.sql
int version_of(std::string_view name) {
  int version = 0;
  const auto result = std::from_chars(name.data(), name.data() + name.size(), version);
  if (result.ec != std::errc() || version <= 0 || result.ptr == name.data() + name.size() || *result.ptr != '_') {
    throw std::logic_error(fmt::format("migration {} is not named NNNN_subject.sql", name));
  }
  return version;
}

Content make_embedded() {
  Content content;
  for (const sql::File& file : sql::migrations()) {
    const std::string_view name = file_name(file.path);
    content.migrations.push_back({version_of(name), name, file.text, file.text.starts_with(kBreakingMark)});
  }
  for (const sql::File& file : sql::api_files()) content.api.push_back({file_name(file.path), file.text});
  const auto twice = std::ranges::adjacent_find(content.migrations, {}, &Migration::version);
  if (twice != content.migrations.end())
    throw std::logic_error(fmt::format("two migrations have version {}", twice->version));
  return content;
}

Task<Book> read_book(pg::Connection& connection) {
  Book book;
  const pg::Result found = co_await connection.query(kBookkeepingFound);
  if (!found.one().get<bool>(0)) co_return book;
  book.exists = found.one().get<bool>(1);
  const pg::Result migrations =
      co_await connection.query("select version, name, checksum, breaking from sluice.schema_migrations");
  for (const pg::Row row : migrations) {
    book.migrations.emplace(row.get<std::int32_t>(0),
                            Applied{row.get<std::string>(1), row.get<std::string>(2), row.get<bool>(3)});
  }
  const pg::Result files = co_await connection.query(kApiFiles);
  for (const pg::Row row : files) {
    book.api.emplace(row.get<std::string>(0), row.get<std::string>(1));
    const std::string_view release = row.text(2);
    if (numbers_of(release) >= numbers_of(book.release)) book.release = release;
  }
  co_return book;
}

void require_unchanged(const Content& content, const Book& book) {
  for (const Migration& migration : content.migrations) {
    const auto applied = book.migrations.find(migration.version);
    if (applied == book.migrations.end() || applied->second.checksum == checksum_of(migration.text)) continue;
    throw Error(fmt::format("migration {} has changed since it was applied to this database (as {})", migration.name,
                            applied->second.name),
                "applied migrations are never edited: restore the file and write a new migration");
  }
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

CheckReport compare(const Content& content, const Book& book) {
  CheckReport report;
  report.version = book.version();
  std::set<int> known;
  for (const Migration& migration : content.migrations) {
    known.insert(migration.version);
    report.binary_version = migration.version;
    if (!book.migrations.contains(migration.version)) report.pending.emplace_back(migration.name);
  }
  bool breaking = false;
  for (const auto& [version, applied] : book.migrations) {
    if (known.contains(version)) continue;
    report.unknown.push_back(applied.name);
    breaking = breaking || applied.breaking;
  }
  if (report.pending.empty() && numbers_of(book.release) > numbers_of(content.release))
    report.unknown.push_back("the functions of " + book.release);
  if (!report.unknown.empty()) {
    report.state = breaking ? State::kAheadBreaking : State::kAhead;
    return report;  // the API files are those of the newer binary
  }
  for (const Content::ApiFile& file : content.api) {
    const auto applied = book.api.find(file.name);
    if (applied == book.api.end() || applied->second != checksum_of(file.text)) report.pending.emplace_back(file.name);
  }
  if (!report.pending.empty()) report.state = State::kBehind;
  return report;
}

// The error of a file's SQL, told with file and line.
pg::PgError located(const pg::PgError& error, std::string_view name, std::string_view text) {
  pg::PgError::Fields fields = error.fields();
  fields.statement = name;
  std::string place(name);
  if (fields.position > 0) {
    // Positions count characters, not bytes.
    int line = 1;
    int character = 0;
    for (const char byte : text) {
      if ((static_cast<unsigned char>(byte) & 0xC0U) != 0x80 && ++character >= fields.position) break;
      if (byte == '\n') ++line;
    }
    place += fmt::format(":{}", line);
  }
  fields.message = place + ": " + fields.message;
  if (!fields.context.empty()) fields.detail += (fields.detail.empty() ? "" : "\n") + fields.context;
  return {error.kind(), std::move(fields)};
}

Task<void> run_file(pg::Connection& connection, std::string_view name, std::string_view text) {
  try {
    co_await connection.execute_script(std::string(text));
  } catch (const pg::PgError& error) {
    throw located(error, name, text);
  }
  if (!connection.in_transaction()) {
    throw Error(fmt::format("{} ends the transaction that it is run in", name), "leave begin and commit to the runner");
  }
}

// Daemons look at the schema when they register, so those at work would go on with what a breaking migration takes
// away. Until the transaction ends nobody can register.
Task<void> require_no_daemons(pg::Connection& connection, const Migration& migration) {
  const pg::Result table = co_await connection.query("select to_regclass('sluice_private.processes') is not null");
  if (!table.one().get<bool>(0)) co_return;
  (void)co_await connection.query("lock table sluice_private.processes in share mode");
  const pg::Result daemons = co_await connection.query(kDaemonsAtWork);
  if (daemons.one().is_null(0)) co_return;
  throw Error(
      fmt::format("migration {} is breaking, and daemons are at work: {}", migration.name, daemons.one().text(0)),
      "stop them (systemctl stop sluice), migrate, then start those of this version");
}

Task<void> apply_migration(pg::Connection& connection, const Migration& migration) {
  auto body = [&]() -> Task<void> {
    if (migration.breaking) co_await require_no_daemons(connection, migration);
    co_await run_file(connection, migration.name, migration.text);
    (void)co_await connection.query(kRecordMigration, pg::Params()
                                                          .int4(migration.version)
                                                          .text(migration.name)
                                                          .text(checksum_of(migration.text))
                                                          .boolean(migration.breaking));
  };
  co_await pg::in_transaction(connection, body);
  log_info("applied migration", {{"migration", migration.name}});
}

Task<void> apply_api(pg::Connection& connection, const std::vector<const Content::ApiFile*>& files,
                     std::string_view release) {
  auto body = [&]() -> Task<void> {
    for (const Content::ApiFile* file : files) {
      co_await run_file(connection, file->name, file->text);
      (void)co_await connection.query(kRecordApiFile,
                                      pg::Params().text(file->name).text(checksum_of(file->text)).text(release));
    }
  };
  co_await pg::in_transaction(connection, body);
  log_info("applied functions and views", {{"files", files.size()}});
}

// After a migration all API files are applied, since it may have replaced what they stand on; otherwise those that
// changed.
std::vector<const Content::ApiFile*> api_to_apply(const Content& content, const Book& book, bool migrated) {
  std::vector<const Content::ApiFile*> files;
  for (const Content::ApiFile& file : content.api) {
    const auto applied = book.api.find(file.name);
    if (migrated || applied == book.api.end() || applied->second != checksum_of(file.text)) files.push_back(&file);
  }
  return files;
}

Task<MigrateReport> migrate_locked(pg::Connection& connection, const Content& content, MigrateOptions options) {
  Book book = co_await read_book(connection);
  require_unchanged(content, book);
  const CheckReport found = compare(content, book);
  if (!found.unknown.empty()) {
    throw Error(
        fmt::format("the database has what this sluice {} does not know: {}", content.release, joined(found.unknown)),
        "migrate with the newer sluice that made it");
  }
  if (!book.exists) {
    auto body = [&]() -> Task<void> { co_await connection.execute_script(std::string(kBookkeeping)); };
    co_await pg::in_transaction(connection, body);
  }
  MigrateReport report;
  report.version = book.version();
  bool all = true;
  for (const Migration& migration : content.migrations) {
    if (book.migrations.contains(migration.version)) continue;
    if (options.to != 0 && migration.version > options.to) {
      all = false;
      continue;
    }
    co_await apply_migration(connection, migration);
    report.migrations.emplace_back(migration.name);
    report.version = std::max(report.version, migration.version);
  }
  if (!all) co_return report;
  const std::vector<const Content::ApiFile*> files = api_to_apply(content, book, !report.migrations.empty());
  if (files.empty()) co_return report;
  co_await apply_api(connection, files, content.release);
  for (const Content::ApiFile* file : files) report.api.emplace_back(file->name);
  co_return report;
}

}  // namespace

const Content& embedded() {
  static const Content content = make_embedded();
  return content;
}

Task<MigrateReport> migrate(pg::Connection& connection, const Content& content, MigrateOptions options) {
  const auto is_target = [&](const Migration& migration) { return migration.version == options.to; };
  if (options.to != 0 && std::ranges::none_of(content.migrations, is_target)) {
    throw UsageError(fmt::format("there is no migration {}", options.to), "sluice migrate --print lists them");
  }
  if (connection.pooled()) {
    throw ConfigError("migrations take a lock for their session, and this connection is a pooler's",
                      "set database.session_dsn to the server itself");
  }
  (void)co_await connection.query("select pg_advisory_lock($1)", pg::Params().int8(kLockKey));
  MigrateReport report;
  std::exception_ptr failure;
  try {
    report = co_await migrate_locked(connection, content, options);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!connection.broken())
    (void)co_await connection.query("select pg_advisory_unlock($1)", pg::Params().int8(kLockKey));
  if (failure) std::rethrow_exception(failure);
  co_return report;
}

Task<CheckReport> check(pg::Connection& connection, const Content& content) {
  const Book book = co_await read_book(connection);
  require_unchanged(content, book);
  co_return compare(content, book);
}

Task<void> require_up_to_date(pg::Connection& connection, const Content& content) {
  const CheckReport report = co_await check(connection, content);
  switch (report.state) {
    case State::kUpToDate:
      break;
    case State::kBehind:
      throw Error(fmt::format("the database lacks {}", joined(report.pending)), "run: sluice migrate");
    case State::kAhead:
      log_warn("the database has what this binary does not know", {{"unknown", joined(report.unknown)}});
      break;
    case State::kAheadBreaking:
      throw Error(fmt::format("the database has breaking migrations that this binary does not know: {}",
                              joined(report.unknown)),
                  "install the sluice that made them");
  }
}

std::string print(const Content& content) {
  std::string text = fmt::format("begin;\n{}commit;\n", kBookkeeping);
  for (const Migration& migration : content.migrations) {
    text += fmt::format(
        "\n-- migrations/{0}\nbegin;\n{1}\ninsert into sluice.schema_migrations (version, name, checksum, breaking)\n"
        "values ({2}, '{0}', '{3}', {4});\ncommit;\n",
        migration.name, migration.text, migration.version, checksum_of(migration.text), migration.breaking);
  }
  if (content.api.empty()) return text;
  text += "\nbegin;\n";
  for (const Content::ApiFile& file : content.api) {
    text += fmt::format(
        "-- api/{0}\n{1}\ninsert into sluice_private.api_files (path, checksum, release) values ('{0}', '{2}', "
        "'{3}');\n",
        file.name, file.text, checksum_of(file.text), content.release);
  }
  return text + "commit;\n";
}

}  // namespace sluice::schema
