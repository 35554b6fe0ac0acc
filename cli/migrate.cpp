#include "cli/migrate.h"

#include <fmt/format.h>

#include "core/pg/connection.h"
#include "core/service/schema.h"

namespace sluice::cli {
namespace {

Task<schema::MigrateReport> migrate(Loop& loop, BlockingPool& pool, std::string dsn) {
  std::unique_ptr<pg::Connection> connection =
      co_await pg::Connection::connect(loop, pool, {.dsn = std::move(dsn), .application_name = "sluice migrate"});
  co_return co_await schema::migrate(*connection, schema::embedded());
}

}  // namespace

ExitCode run_migrate(Invocation& invocation) {
  Loop loop;
  BlockingPool pool(loop, 1);
  const schema::MigrateReport report = loop.run(migrate(loop, pool, invocation.line.options.text("database.dsn")));
  for (const std::string& name : report.migrations) fmt::print("applied {}\n", name);
  for (const std::string& name : report.api) fmt::print("applied {}\n", name);
  fmt::print("the schema is at version {}\n", report.version);
  return ExitCode::kGood;
}

}  // namespace sluice::cli
