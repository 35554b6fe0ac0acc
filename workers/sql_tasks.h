// Runs free-standing sql tasks: several that call the same function in one transaction, as many as take little time
// together.
#pragma once

#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/async/event.h"
#include "core/async/task_scope.h"
#include "core/pg/pool.h"
#include "workers/disposition.h"

namespace sluice::workers {

// What a sql task calls, and for whom.
struct SqlCall {
  std::string function;
  std::string role;
  auto operator<=>(const SqlCall&) const = default;
};
[[nodiscard]] SqlCall call_of(const ClaimedTask& task);

class SqlTasks {
 public:
  static constexpr std::size_t kMostAtOnce = 128;

  // Uses up to three connections of `pool` at once. Outlives what run() returns.
  SqlTasks(Loop& loop, pg::Pool& pool);

  // Opens a connection and has the statement planned, so that the first task need not wait for that.
  Task<void> warm_up();

  // Returns when the task's effect and its end are committed, or when its claim turned out to be another's. Throws what
  // the function raised; then nothing happened.
  Task<Committed> run(const ClaimedTask& task);

  // How many tasks that make this call go together, as their time has shown so far: from 1, before any was quick, to
  // kMostAtOnce.
  [[nodiscard]] std::size_t at_once(const SqlCall& call) const;
  // So many together failed or took long.
  void were_not_quick(const SqlCall& call, std::size_t count);

 private:
  struct Waiting {
    Waiting(Loop& loop, std::int64_t task, std::int64_t claim) : id(task), token(claim), done(loop) {}
    std::int64_t id;
    std::int64_t token;
    Event done;
    bool lost = false;
    std::exception_ptr failure;
  };
  using Batch = std::vector<std::shared_ptr<Waiting>>;

  // What makes one call.
  struct Line {
    std::deque<std::shared_ptr<Waiting>> waiting;
    std::size_t at_once = 1;
  };

  Task<void> work();
  Task<void> run_batch(Line& line, Batch batch);
  [[nodiscard]] Line* next_line();

  Loop& loop_;
  pg::Pool& pool_;
  std::map<SqlCall, Line> lines_;
  SqlCall served_;  // the line that had its turn last
  TaskScope working_;
};

}  // namespace sluice::workers
