// The database as a command sees it: one connection, and calls that return when the answer is there.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/progress.h"
#include "core/async/blocking_pool.h"
#include "core/async/loop.h"
#include "core/pg/connection.h"

namespace sluice::cli {

class Database {
 public:
  // Connects within 10 s by database.dsn and libpq's own environment. Throws PgError, with exit code 69 when that
  // fails.
  explicit Database(const Invocation& invocation);

  // The same, for locks that outlast a transaction: by database.session_dsn if there is one.
  [[nodiscard]] static Database with_session(const Invocation& invocation);

  pg::Result query(std::string_view sql, pg::Params params = {});

  // The rows of a SELECT as objects, whose members are its columns in order; times are in UTC.
  std::vector<Json> records(std::string_view select, pg::Params params = {});

  // All that is asked of the database by `work` takes effect, or none of it when it throws.
  template <typename Work>
  void in_transaction(Work work) {
    (void)query("begin");
    try {
      work();
    } catch (...) {
      if (!connection_->broken()) (void)query("rollback");
      throw;
    }
    (void)query("commit");
  }

  // Runs a coroutine over connection(); after a second, a terminal shows that it goes on.
  template <typename T>
  T run(std::string_view what, Task<T> task) {
    return loop_.run(with_progress(loop_, std::string(what), std::move(task)));
  }
  [[nodiscard]] pg::Connection& connection() { return *connection_; }
  void pause(Clock::duration time);

 private:
  explicit Database(pg::ConnectOptions options);

  Loop loop_;
  BlockingPool pool_;
  std::unique_ptr<pg::Connection> connection_;
};

}  // namespace sluice::cli
