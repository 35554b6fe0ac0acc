#include "cli/database.h"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds kConnectTime{10};

Task<std::unique_ptr<pg::Connection>> connect(Loop& loop, BlockingPool& pool, std::string dsn) {
  pg::ConnectOptions options;
  options.dsn = std::move(dsn);
  std::unique_ptr<pg::Connection> connection =
      co_await pg::Connection::connect(loop, pool, std::move(options), Clock::now() + kConnectTime);
  (void)co_await connection->query("SET timezone = 'UTC'");
  co_return connection;
}

}  // namespace

Database::Database(const Invocation& invocation)
    : pool_(loop_, 1), connection_(loop_.run(connect(loop_, pool_, invocation.line.options.text("database.dsn")))) {}

pg::Result Database::query(std::string_view sql, pg::Params params) {
  return run("waiting for the database", connection_->query(sql, std::move(params)));
}

std::vector<Json> Database::records(std::string_view select, pg::Params params) {
  const pg::Result result =
      query(fmt::format("SELECT row_to_json(record)::text FROM ({}) AS record", select), std::move(params));
  std::vector<Json> records;
  for (const pg::Row row : result) records.push_back(row.get<Json>(0));
  return records;
}

void Database::pause(Clock::duration time) {
  const auto sleep = [](Loop& loop, Clock::duration span) -> Task<void> { (void)co_await loop.sleep(span); };
  loop_.run(sleep(loop_, time));
}

}  // namespace sluice::cli
