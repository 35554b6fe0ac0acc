#include "console/database.h"

#include <vector>

#include "console/questions.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::console {
namespace {

constexpr std::size_t kReaders = 3;
constexpr std::size_t kActors = 1;
constexpr std::chrono::seconds kPatience{8};  // for a connection and the answer; the server gives up before

pg::ConnectOptions acting(pg::ConnectOptions options, std::string role) {
  options.settings = {
      {"role", std::move(role)}, {"statement_timeout", "5s"}, {"timezone", "UTC"}, {"jit", "off"},
      {"enable_seqscan", "off"}, {"enable_bitmapscan", "off"}};  // lists stop early: they must come in their order
  return options;
}

// One setting is for the transactions that begin later, the other for the one that is begun: behind a pooler each is.
pg::ConnectOptions reading(pg::ConnectOptions options) {
  options = acting(std::move(options), "sluice_reader");
  options.settings.emplace_back("default_transaction_read_only", "on");
  options.settings.emplace_back("transaction_read_only", "on");
  return options;
}

Task<pg::Result> ask(pg::Pool& pool, std::string_view statement, pg::Params params) {
  const Deadline deadline = Clock::now() + kPatience;
  const pg::Lease connection = co_await pool.acquire(deadline);
  co_return co_await connection->query(sql::query(statement), std::move(params), deadline);
}

}  // namespace

Database::Database(Loop& loop, BlockingPool& blocking, pg::ConnectOptions database, bool actions)
    : reader_(loop, blocking, reading(database), kReaders) {
  if (!actions) return;
  database = acting(std::move(database), "sluice_api");
  database.settings.emplace_back("default_transaction_read_only", "off");
  actor_.emplace(loop, blocking, std::move(database), kActors);
}

Task<void> Database::warm() {
  std::vector<pg::Lease> connections;  // lent out until the end, else the same one would be had again
  for (std::size_t i = 0; i < kReaders; ++i) {
    connections.push_back(co_await reader_.acquire(Clock::now() + kPatience));
    for (Question& question : first_questions()) {
      try {
        (void)co_await connections.back()->query(sql::query(question.statement), std::move(question.params),
                                                 Clock::now() + kPatience);
      } catch (const pg::PgError& error) {
        if (error.kind() == pg::ErrorKind::kLost) throw;  // what else is wrong is told to whoever asks it
      }
    }
  }
}

Task<pg::Result> Database::read(std::string_view statement, pg::Params params) {
  return ask(reader_, statement, std::move(params));
}

Task<pg::Result> Database::act(std::string_view statement, pg::Params params) {
  if (!actor_) throw Error("actions are not allowed", "start the console with --allow-actions");
  return ask(*actor_, statement, std::move(params));
}

}  // namespace sluice::console
