#include "cli/database.h"

#include <fmt/format.h>

#include "core/service/database.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds kConnectTime{10};

constexpr const char* kName = "sluice";

pg::ConnectOptions in_utc(pg::ConnectOptions options) {
  options.settings.emplace_back("timezone", "UTC");
  return options;
}

}  // namespace

Database::Database(pg::ConnectOptions options)
    : pool_(loop_, 1),
      connection_(
          loop_.run(pg::Connection::connect(loop_, pool_, in_utc(std::move(options)), Clock::now() + kConnectTime))) {}

Database::Database(const Invocation& invocation) : Database(database_of(invocation.line.options, kName)) {}

Database Database::with_session(const Invocation& invocation) {
  return Database(session_of(invocation.line.options, kName));
}

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
