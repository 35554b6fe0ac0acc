#include "console/database.h"

#include "sql/sql_text.h"

namespace sluice::console {
namespace {

constexpr std::size_t kReaders = 3;
constexpr std::size_t kActors = 1;
constexpr std::chrono::seconds kPatience{8};  // for a connection and the answer; the server gives up before

pg::ConnectOptions options_for(const std::string& dsn, std::string role, std::string_view read_only) {
  return {.dsn = dsn,
          .application_name = "sluice console",
          .settings = {{"role", std::move(role)},
                       {"default_transaction_read_only", std::string(read_only)},
                       {"statement_timeout", "5s"},
                       {"timezone", "UTC"},
                       {"jit", "off"},
                       {"enable_seqscan", "off"},
                       {"enable_bitmapscan", "off"}}};  // lists stop early: they must come in their order
}

Task<pg::Result> ask(pg::Pool& pool, std::string_view statement, pg::Params params) {
  const Deadline deadline = Clock::now() + kPatience;
  const pg::Lease connection = co_await pool.acquire(deadline);
  co_return co_await connection->query(sql::query(statement), std::move(params), deadline);
}

}  // namespace

Database::Database(Loop& loop, BlockingPool& blocking, const std::string& dsn, bool actions)
    : reader_(loop, blocking, options_for(dsn, "sluice_reader", "on"), kReaders) {
  if (actions) actor_.emplace(loop, blocking, options_for(dsn, "sluice_api", "off"), kActors);
}

Task<pg::Result> Database::read(std::string_view statement, pg::Params params) {
  return ask(reader_, statement, std::move(params));
}

Task<pg::Result> Database::act(std::string_view statement, pg::Params params) {
  if (!actor_) throw Error("actions are not allowed", "start the console with --allow-actions");
  return ask(*actor_, statement, std::move(params));
}

}  // namespace sluice::console
