// Connecting: libpq's own state machine, driven so that nothing of it runs on the loop's thread but the waiting.
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>

#include "core/async/task_scope.h"
#include "core/pg/connection.h"
#include "core/pg/diagnostics.h"
#include "core/pg/hosts.h"

namespace sluice::pg {
namespace {

constexpr int kOldestServer = 150000;
constexpr std::chrono::seconds kPatience{10};  // with a host of several when the caller has any

// The server's side of the connection. Dates, floats: the forms that Result reads, whatever role or database are set
// to. $1: it is known to be a session; $2: the process that libpq was told of when it connected. A pooler tells one of
// its own making, since it has no server yet, and then nothing of this is to stay on the server.
constexpr std::string_view kSessionSettings =
    "select p.pooled::text, set_config('tcp_keepalives_idle', '10', p.pooled),"
    " set_config('tcp_keepalives_interval', '5', p.pooled), set_config('tcp_keepalives_count', '3', p.pooled),"
    " set_config('tcp_user_timeout', '15000', p.pooled),"
    " set_config('client_connection_check_interval', '5000', p.pooled),"
    " set_config('datestyle', 'ISO', p.pooled), set_config('extra_float_digits', '1', p.pooled)"
    " from (select not $1 and pg_backend_pid() <> $2) as p (pooled)";
constexpr std::string_view kPooledSettings =
    "select set_config('client_connection_check_interval', '5000', true), set_config('datestyle', 'ISO', true),"
    " set_config('extra_float_digits', '1', true)";

struct ParsedDsn {
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{nullptr, &PQconninfoFree};

  [[nodiscard]] bool has(std::string_view keyword) const {
    for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
      if (keyword == option->keyword) return option->val != nullptr && *option->val != '\0';
    }
    return false;
  }
};

// As libpq tells a connection string from a bare database name.
bool is_connection_string(std::string_view dsn) {
  return dsn.starts_with("postgresql://") || dsn.starts_with("postgres://") || dsn.find('=') != std::string_view::npos;
}

ParsedDsn parse(const std::string& dsn) {
  ParsedDsn parsed;
  if (!is_connection_string(dsn)) return parsed;
  char* message = nullptr;
  parsed.options.reset(PQconninfoParse(dsn.c_str(), &message));
  const std::unique_ptr<char, decltype(&PQfreemem)> owned(message, &PQfreemem);
  if (parsed.options) return parsed;
  // What libpq quotes after a colon may be the whole string with its password.
  std::string reason = message != nullptr ? message : "out of memory";
  reason.resize(std::min({reason.find(": \""), reason.find('\n'), reason.size()}));
  throw ConfigError("cannot read the database DSN: " + reason,
                    "a libpq URI reads postgresql://user@host:5432/database");
}

// Of equal keywords libpq takes the last one, so what stands before dbname is a default and what stands after it is
// fixed.
Keywords keywords_of(const ConnectOptions& options) {
  Keywords keywords{{"fallback_application_name", options.application_name}};
  const bool service = parse(options.dsn).has("service") || std::getenv("PGSERVICE") != nullptr;
  if (!service) {
    keywords.insert(keywords.end(), {{"keepalives_idle", "10"},
                                     {"keepalives_interval", "5"},
                                     {"keepalives_count", "3"},
                                     {"tcp_user_timeout", "15000"}});
    if (std::getenv("PGTARGETSESSIONATTRS") == nullptr) keywords.emplace_back("target_session_attrs", "primary");
  }
  keywords.emplace_back("dbname", options.dsn);
  keywords.emplace_back("client_encoding", "UTF8");
  return keywords;
}

std::shared_ptr<PGconn> start(const Keywords& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* connection = PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/1);
  if (connection == nullptr) throw std::bad_alloc();
  return {connection, &PQfinish};
}

// Runs `call` in the pool; nothing when the deadline passed first, and `call` then ends on its own.
template <typename T>
Task<std::optional<T>> run_within(Loop& loop, BlockingPool& pool, Deadline deadline, std::function<T()> call) {
  std::optional<T> value;
  Event finished(loop);
  auto body = [](BlockingPool& on, std::function<T()> blocking, std::optional<T>& result, Event& done) -> Task<void> {
    T returned = co_await on.run<T>(std::move(blocking));
    result.emplace(std::move(returned));
    done.set();
  };
  TaskScope scope(loop);
  scope.spawn(body(pool, std::move(call), value, finished));
  (void)co_await finished.wait(deadline);
  co_return value;
}

PgError too_late() {
  return PgError::lost("cannot connect to the database: it did not answer in time",
                       "check that the DSN's host is reachable from here");
}

// Whether the connection was made by then. Throws when it is refused.
Task<bool> drive(Loop& loop, BlockingPool& pool, std::shared_ptr<PGconn> connection, Deadline deadline) {
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    {
      Poll poll(loop, PQsocket(connection.get()));  // anew each time: the next host has another socket
      const Readiness wanted = status == PGRES_POLLING_READING ? Readiness::kReadable : Readiness::kWritable;
      const Woken woken = co_await poll.wait(wanted, deadline);
      if (woken != Woken::kReady) co_return false;
    }
    const std::optional<PostgresPollingStatusType> next = co_await run_within<PostgresPollingStatusType>(
        loop, pool, deadline, [connection] { return PQconnectPoll(connection.get()); });
    if (!next) throw too_late();
    if (*next == PGRES_POLLING_FAILED) throw connect_failure(connection.get());
    status = *next;
  }
  co_return true;
}

// Of several hosts each has its share of the time.
Deadline share_of(Deadline deadline, std::size_t hosts) {
  const auto now = Clock::now();
  if (hosts == 1) return deadline;
  return deadline == kNoDeadline ? now + kPatience : now + (deadline - now) / static_cast<int>(hosts);
}

}  // namespace

Task<std::unique_ptr<Connection>> Connection::connect(Loop& loop, BlockingPool& pool, ConnectOptions options,
                                                      Deadline deadline) {
  Keywords keywords = keywords_of(options);
  std::shared_ptr<PGconn> connection;
  for (bool connected = false; !connected;) {
    std::optional<std::shared_ptr<PGconn>> started =
        co_await run_within<std::shared_ptr<PGconn>>(loop, pool, deadline, [keywords] { return start(keywords); });
    if (!started) throw too_late();
    connection = std::move(*started);
    PQsetNoticeReceiver(connection.get(), &log_notice, nullptr);
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
    if (PQstatus(connection.get()) == CONNECTION_BAD) throw connect_failure(connection.get());
    const Hosts hosts = Hosts::of(connection.get());
    connected = co_await drive(loop, pool, connection, share_of(deadline, hosts.count()));
    if (connected) break;
    std::optional<Keywords> rest = hosts.after(connection.get());
    if (!rest) throw too_late();
    keywords.insert(keywords.end(), rest->begin(), rest->end());
  }
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  if (PQserverVersion(connection.get()) < kOldestServer) {
    throw Error(
        fmt::format("the database server is PostgreSQL {}", PQparameterStatus(connection.get(), "server_version")),
        "sluice needs PostgreSQL 15 or later", ExitCode::kUnavailable);
  }
  std::unique_ptr<Connection> connected(new Connection(loop, pool, connection));
  co_await connected->set_session(options, deadline);
  co_return connected;
}

Connection::Connection(Loop& loop, BlockingPool& pool, std::shared_ptr<pg_conn> connection)
    : pool_(pool), connection_(std::move(connection)) {
  PQsetnonblocking(connection_.get(), 1);
  poll_.emplace(loop, PQsocket(connection_.get()));
}

Task<void> Connection::set_session(const ConnectOptions& options, Deadline deadline) {
  const Result answer =
      co_await query(kSessionSettings, Params().boolean(options.session).int4(server_pid()), deadline);
  pooled_ = answer.one().text(0) == "true";
  Pipeline settings;
  if (pooled_) settings.add(kPooledSettings);
  for (const auto& [name, value] : options.settings) {
    settings.add("select set_config($1, $2, $3)", Params().text(name).text(value).boolean(pooled_));
  }
  if (!options.preparation.empty()) settings.add(options.preparation, Params().boolean(pooled_));
  if (settings.empty()) co_return;
  (void)co_await run(settings, deadline);  // now, if pooled, only to see whether they are refused
  if (pooled_) preamble_ = std::move(settings);
}

}  // namespace sluice::pg
