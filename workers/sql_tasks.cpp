#include "workers/sql_tasks.h"

#include <algorithm>
#include <iterator>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTransactions = 3;  // at once; one connection of the pool stays for loading flows
// A batch whose tasks took less may be larger next time, one whose tasks took more is to be smaller. The commit does
// not count: it costs the same however small a batch is, and a slow disk would bring every batch down to one task.
constexpr milliseconds kShort{10};
constexpr milliseconds kLong{30};

pg::Params params_of(const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& tokens) {
  return std::move(pg::Params().int8_array(ids).int8_array(tokens));
}

}  // namespace

SqlCall call_of(const ClaimedTask& task) {
  return {.function = std::string(string_member(task.payload, "function")),
          .role = std::string(string_member(task.payload, "role"))};
}

SqlTasks::SqlTasks(Loop& loop, pg::Pool& pool) : loop_(loop), pool_(pool), working_(loop) {}

Task<void> SqlTasks::warm_up() {
  try {
    pg::Lease connection = co_await pool_.acquire();
    (void)co_await connection->query(sql::query("run_sql_tasks"), params_of({}, {}));
  } catch (const pg::PgError& error) {
    log_debug("the connection for sql tasks is not ready", {{"error", error.what()}});
  }
}

Task<Committed> SqlTasks::run(const ClaimedTask& task) {
  Line& line = lines_[call_of(task)];
  auto waiting = std::make_shared<Waiting>(loop_, task.id, task.token);
  line.waiting.push_back(waiting);
  if (working_.running() < kTransactions) working_.spawn(work());
  (void)co_await waiting->done.wait();
  if (waiting->failure) std::rethrow_exception(waiting->failure);
  co_return Committed{.lost = waiting->lost};
}

std::size_t SqlTasks::at_once(const SqlCall& call) const {
  const auto line = lines_.find(call);
  return line == lines_.end() ? 1 : line->second.at_once;
}

void SqlTasks::were_not_quick(const SqlCall& call, std::size_t count) {
  lines_[call].at_once = std::max<std::size_t>(count / 2, 1);
}

Task<void> SqlTasks::work() {
  while (Line* line = next_line()) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(line->at_once, line->waiting.size()));
    const auto begin = line->waiting.begin();
    Batch batch(std::make_move_iterator(begin), std::make_move_iterator(begin + count));
    line->waiting.erase(begin, begin + count);
    co_await run_batch(*line, std::move(batch));
  }
}

// A batch that failed goes back to where it came from, to be tried in smaller ones until what is bad in it stands
// alone.
Task<void> SqlTasks::run_batch(Line& line, Batch batch) {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> tokens;
  for (const auto& one : batch) {
    ids.push_back(one->id);
    tokens.push_back(one->token);
  }
  std::chrono::microseconds took{};
  std::vector<std::int64_t> ended;
  std::exception_ptr failure;
  bool may_split = false;
  try {
    pg::Lease connection = co_await pool_.acquire();
    const pg::Result rows = co_await connection->query(sql::query("run_sql_tasks"), params_of(ids, tokens));
    for (const pg::Row& row : rows) ended.push_back(row.get<std::int64_t>(0));
    if (!rows.empty()) took = std::chrono::microseconds(rows[0].get<std::int64_t>(1));
  } catch (const pg::PgError& error) {
    failure = std::current_exception();
    may_split = error.kind() != pg::ErrorKind::kLost;
  } catch (...) {
    failure = std::current_exception();
  }
  if (may_split && batch.size() > 1) {
    line.at_once = std::max<std::size_t>(batch.size() / 2, 1);
    line.waiting.insert(line.waiting.begin(), std::make_move_iterator(batch.begin()),
                        std::make_move_iterator(batch.end()));
    co_return;
  }
  if (took > kLong) line.at_once = std::max<std::size_t>(line.at_once / 2, 1);
  if (took < kShort && !failure && batch.size() == line.at_once) line.at_once = std::min(line.at_once * 2, kMostAtOnce);
  std::ranges::sort(ended);
  for (const auto& one : batch) {
    one->failure = failure;
    one->lost = !failure && !std::ranges::binary_search(ended, one->id);
    one->done.set();
  }
}

// In turn, so that a function with a long line does not hold up the others.
SqlTasks::Line* SqlTasks::next_line() {
  auto next = lines_.upper_bound(served_);
  for (std::size_t i = 0; i < lines_.size(); ++i, ++next) {
    if (next == lines_.end()) next = lines_.begin();
    if (next->second.waiting.empty()) continue;
    served_ = next->first;
    return &next->second;
  }
  return nullptr;
}

}  // namespace sluice::workers
