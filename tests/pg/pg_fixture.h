// What tests against the real server share: an empty database, a loop, and verbs that run to their end.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "core/async/task_scope.h"
#include "core/pg/connection.h"
#include "tests/support/test_database.h"

namespace sluice::pg {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline Deadline in(milliseconds delay) {
  return Clock::now() + delay;
}

// For tests that must not hang for ever, whatever is broken.
inline Deadline patience() {
  return in(seconds(20));
}

class PgTest : public testing::Test {
 protected:
  explicit PgTest(test::TestDatabase::From from = test::TestDatabase::From::kNothing) : database_(from) {}

  std::unique_ptr<Connection> connect() { return connect(database_.dsn()); }
  std::unique_ptr<Connection> connect(const std::string& dsn) {
    return loop_.run(Connection::connect(loop_, blocking_, {dsn}, patience()));
  }

  Result query(Connection& connection, std::string_view sql, Params params = {}) {
    return loop_.run(connection.query(sql, std::move(params), patience()));
  }
  std::string value(Connection& connection, std::string_view sql, Params params = {}) {
    const Result result = query(connection, sql, std::move(params));
    return result.one().is_null(0) ? "null" : result.one().get<std::string>(0);
  }

  // The PgError that the task throws; a failed test when it throws none.
  template <typename T>
  PgError error_of(Task<T> task) {
    try {
      if constexpr (std::is_void_v<T>) {
        loop_.run(std::move(task));
      } else {
        (void)loop_.run(std::move(task));
      }
    } catch (const PgError& error) {
      return error;
    }
    ADD_FAILURE() << "no PgError was thrown";
    return PgError::lost("none");
  }

  test::TestDatabase database_;
  Loop loop_;
  BlockingPool blocking_{loop_, 2};
};

}  // namespace sluice::pg
