#include "core/pg/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <charconv>
#include <iterator>

#include "core/base/log.h"
#include "core/pg/diagnostics.h"

namespace sluice::pg {
namespace {

constexpr int kTextResults = 0;

// Whether the server lives or not, its answer is not waited for any more.
constexpr const char* kTooLate = "no answer came before the deadline";

bool is_error(ExecStatusType status) {
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

bool is_copy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

bool readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

}  // namespace

// Stands in the frame of an operation. One that leaves without finish(), by exception or destruction, breaks the
// connection.
class Connection::Operation {
 public:
  explicit Operation(Connection& connection) : connection_(connection) {
    if (connection.busy_) throw Error("a database connection is used for two operations at once");
    if (connection.broken_) {
      throw PgError::lost("the database connection was lost before", "connect again");
    }
    connection.busy_ = true;
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    connection_.busy_ = false;
    if (!finished_) connection_.broken_ = true;
  }
  void finish() noexcept { finished_ = true; }

 private:
  Connection& connection_;
  bool finished_ = false;
};

Connection::~Connection() = default;

Task<Result> Connection::query(std::string_view sql, Params params, Deadline deadline) {
  return single(std::move(Pipeline().add(sql, std::move(params))), deadline);
}

Task<Result> Connection::query(const Statement& statement, Params params, Deadline deadline) {
  return single(std::move(Pipeline().add(statement, std::move(params))), deadline);
}

Task<Result> Connection::single(Pipeline pipeline, Deadline deadline) {
  std::vector<Result> results = co_await run(std::move(pipeline), deadline);
  co_return std::move(results.front());
}

Task<std::vector<Result>> Connection::run(Pipeline pipeline, Deadline deadline) {
  const std::size_t asked = pipeline.size();
  const std::size_t first = precede(pipeline);
  Plan plan = this->plan(pipeline);  // before anything is sent: a mistake of the program must not cost the connection
  Operation operation(*this);
  std::vector<Result> results;
  std::optional<PgError> first_error;
  send(plan);
  co_await flush(deadline);

  for (const Step& step : plan.steps) {
    const Pipeline::Entry& entry = *step.entry;
    while (true) {
      std::optional<Result> result = co_await next_result(deadline);
      if (!result) break;
      const ExecStatusType status = PQresultStatus(result->result_.get());
      if (is_copy(status)) fail_lost("a COPY between client and server cannot be part of a pipeline");
      if (is_error(status)) {
        PgError::Fields fields = error_fields(result->result_.get());
        if (fields.sqlstate.empty()) fail_lost(fields.message);  // libpq's own words: there is no server any more
        fields.statement = entry.name;
        const ErrorKind kind = kind_after(entry, fields.sqlstate, *result);
        if (!first_error) first_error.emplace(kind, std::move(fields));
        if (first_error->kind() == ErrorKind::kLost || PQstatus(connection_.get()) == CONNECTION_BAD)
          throw PgError(std::move(*first_error));
      } else if (status == PGRES_PIPELINE_ABORTED) {
        continue;
      } else if (step.preparation) {
        prepared_.insert(plan.preparing.extract(entry.name));
      } else {
        results.push_back(std::move(*result));
      }
    }
  }
  std::optional<Result> sync = co_await next_result(deadline);
  if (!sync || PQresultStatus(sync->result_.get()) != PGRES_PIPELINE_SYNC ||
      PQexitPipelineMode(connection_.get()) != 1) {
    fail_lost("the end of a pipeline is missing: " + connection_message(connection_.get()));
  }
  operation.finish();
  if (first_error) throw PgError(std::move(*first_error));
  const auto unasked = results.begin() + static_cast<std::ptrdiff_t>(first);
  if (results.size() != asked) results.erase(unasked, unasked + static_cast<std::ptrdiff_t>(results.size() - asked));
  co_return results;
}

// Puts the preamble where the pipeline's transaction begins: after its `begin`, for isolation levels are set before
// anything is asked, else first. Returns its place.
std::size_t Connection::precede(Pipeline& pipeline) const {
  std::vector<Pipeline::Entry>& entries = pipeline.entries_;
  if (entries.empty() || preamble_.empty() || in_transaction()) return 0;
  const std::size_t place = entries.front().sql.starts_with("begin") ? 1 : 0;
  entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(place), preamble_.entries_.begin(),
                 preamble_.entries_.end());
  return place;
}

Task<void> Connection::execute_script(std::string sql, Deadline deadline) {
  Operation operation(*this);
  std::optional<PgError> first_error;
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) fail_lost(connection_message(connection_.get()));
  co_await flush(deadline);
  while (true) {
    std::optional<Result> result = co_await next_result(deadline);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result->result_.get());
    if (is_copy(status)) fail_lost("a script cannot COPY between client and server");
    if (!is_error(status) || first_error) continue;
    first_error.emplace(error_fields(result->result_.get()));
    if (first_error->sqlstate().empty()) fail_lost(first_error->what());
  }
  const bool lost = PQstatus(connection_.get()) == CONNECTION_BAD;
  if (!lost && !(first_error && first_error->kind() == ErrorKind::kLost)) operation.finish();
  if (first_error) throw PgError(std::move(*first_error));
}

Task<void> Connection::ping(Deadline deadline) {
  (void)co_await query("", {}, deadline);
}

Task<void> Connection::cancel() {
  const std::shared_ptr<PGcancel> request(PQgetCancel(connection_.get()), &PQfreeCancel);
  if (!request) co_return;  // not connected any more
  const std::string problem = co_await pool_.run<std::string>([request] {
    char message[256] = "";
    return PQcancel(request.get(), message, sizeof message) == 1 ? std::string() : std::string(message);
  });
  if (!problem.empty()) log_warn("cannot ask the database to cancel a statement", {{"reason", problem}});
}

// The socket stays libpq's to close; whoever waits for it reads its end.
void Connection::hang_up() noexcept {
  broken_ = true;
  (void)::shutdown(poll_->fd(), SHUT_RDWR);
}

Task<std::optional<Notification>> Connection::wait_notification(Deadline deadline, StopToken stop) {
  while (true) {
    if (!notifications_.empty()) {
      Notification next = std::move(notifications_.front());
      notifications_.pop_front();
      co_return next;
    }
    Operation operation(*this);
    operation.finish();  // nothing is asked, so nothing can be left half done
    const Woken woken = co_await poll_->wait(Readiness::kReadable, deadline, stop);
    if (woken != Woken::kReady) co_return std::nullopt;
    read_input();
  }
}

std::vector<Notification> Connection::take_notifications() {
  std::vector<Notification> taken(std::make_move_iterator(notifications_.begin()),
                                  std::make_move_iterator(notifications_.end()));
  notifications_.clear();
  return taken;
}

bool Connection::in_transaction() const noexcept {
  return PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

bool Connection::still_open() noexcept {
  if (broken_ || busy_) return !broken_;
  // A server that ends sends its reason and closes, which are two reads.
  do {
    broken_ = !consume_input();
  } while (!broken_ && readable(poll_->fd()));
  return !broken_;
}

std::string Connection::peer_address() const {
  const char* address = PQhostaddr(connection_.get());
  return address != nullptr ? address : "";
}
int Connection::peer_port() const {
  const std::string_view text = PQport(connection_.get());
  int port = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), port);  // libpq has seen that it is a number
  return port;
}
int Connection::server_pid() const noexcept {
  return PQbackendPID(connection_.get());
}
int Connection::server_version() const noexcept {
  return PQserverVersion(connection_.get());
}

std::string Connection::quote_identifier(std::string_view name) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()), &PQfreemem);
  if (!quoted) throw Error("an SQL identifier is not valid UTF-8");
  return quoted.get();
}

Connection::Plan Connection::plan(const Pipeline& pipeline) {
  Plan plan;
  for (const Pipeline::Entry& entry : pipeline.entries_) {
    if (!entry.name.empty() && !pooled_) {
      auto known = prepared_.find(entry.name);
      if (known == prepared_.end()) {
        const auto [added, is_new] = plan.preparing.try_emplace(entry.name);
        if (is_new) {
          added->second = {fmt::format("{}#{}", entry.name, ++prepared_count_), entry.params.types()};
          plan.steps.push_back({&entry, true});
        }
        known = added;
      }
      if (known->second.types != entry.params.types()) {
        throw Error("statement " + entry.name + " is used with other types of parameters than when it was prepared");
      }
    }
    plan.steps.push_back({&entry, false});
  }
  return plan;
}

void Connection::send(const Plan& plan) {
  bool sent = PQenterPipelineMode(connection_.get()) == 1;
  for (const Step& step : plan.steps) {
    const std::string& name = step.entry->name;
    const auto known = prepared_.find(name);
    const auto preparing = plan.preparing.find(name);
    const bool named = known != prepared_.end() || preparing != plan.preparing.end();
    sent = sent && send_step(step, !named                     ? std::string()
                                   : known != prepared_.end() ? known->second.server_name
                                                              : preparing->second.server_name);
  }
  sent = sent && PQpipelineSync(connection_.get()) == 1;
  if (!sent) fail_lost(connection_message(connection_.get()));
}

bool Connection::send_step(const Step& step, const std::string& server_name) {
  const Params& params = step.entry->params;
  const int count = static_cast<int>(params.size());
  const Params::Arrays arrays = params.arrays();
  if (step.preparation) {
    return PQsendPrepare(connection_.get(), server_name.c_str(), step.entry->sql.c_str(), count,
                         params.types().data()) == 1;
  }
  if (server_name.empty()) {
    return PQsendQueryParams(connection_.get(), step.entry->sql.c_str(), count, params.types().data(),
                             arrays.values.data(), arrays.lengths.data(), arrays.formats.data(), kTextResults) == 1;
  }
  return PQsendQueryPrepared(connection_.get(), server_name.c_str(), count, arrays.values.data(), arrays.lengths.data(),
                             arrays.formats.data(), kTextResults) == 1;
}

// Reads while it writes, or a server whose own output is full would stop reading ours.
Task<void> Connection::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(connection_.get());
    if (left == 0) co_return;
    if (left < 0) fail_lost(connection_message(connection_.get()));
    const Woken woken = co_await poll_->wait(Readiness::kEither, deadline);
    if (woken != Woken::kReady) fail_lost(kTooLate);
    read_input();
  }
}

Task<std::optional<Result>> Connection::next_result(Deadline deadline) {
  while (PQisBusy(connection_.get()) == 1) {
    const Woken woken = co_await poll_->wait(Readiness::kReadable, deadline);
    if (woken != Woken::kReady) fail_lost(kTooLate);
    // A server that ends says why before it closes: that comes as a result, and says more than the end of the stream.
    if (!consume_input() && PQisBusy(connection_.get()) == 1) fail_lost(connection_message(connection_.get()));
  }
  pg_result* result = PQgetResult(connection_.get());
  if (result == nullptr) co_return std::nullopt;
  co_return Result(result);
}

bool Connection::consume_input() {
  const bool good = PQconsumeInput(connection_.get()) == 1;
  while (const std::unique_ptr<PGnotify, decltype(&PQfreemem)> notify{PQnotifies(connection_.get()), &PQfreemem}) {
    notifications_.push_back({notify->relname, notify->extra, notify->be_pid});
  }
  return good && PQstatus(connection_.get()) != CONNECTION_BAD;
}

void Connection::read_input() {
  if (consume_input()) return;
  broken_ = true;
  fail_lost(connection_message(connection_.get()));
}

ErrorKind Connection::kind_after(const Pipeline::Entry& entry, std::string_view sqlstate, const Result& result) {
  // The server dropped the statement (26000), or its result has another shape since a migration: prepared anew, it
  // works.
  const char* function = PQresultErrorField(result.result_.get(), PG_DIAG_SOURCE_FUNCTION);
  const bool reshaped =
      sqlstate == "0A000" && function != nullptr && std::string_view(function) == "RevalidateCachedQuery";
  if (entry.name.empty() || !(reshaped || sqlstate == "26000")) return kind_of_sqlstate(sqlstate);
  prepared_.erase(entry.name);
  return ErrorKind::kTransient;
}

void Connection::fail_lost(const std::string& reason) const {
  throw PgError::lost("the database connection is lost: " + reason);
}

}  // namespace sluice::pg
