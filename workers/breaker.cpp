#include "workers/breaker.h"

#include <utility>

#include "core/base/log.h"
#include "core/flow/secrets.h"
#include "core/pg/pg_error.h"
#include "sql/sql_text.h"

namespace sluice::workers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kFresh{1};   // how late this worker learns of a breaker that another one opened
constexpr seconds kAnswer{2};  // a call does not wait longer for its breaker
constexpr seconds kProbeCheck{1};

// Says that something is under way for as long as it lives, and tells who waits when it is over, even if its task was
// cancelled.
class Busy {
 public:
  Busy(bool& busy, Event& over) : busy_(busy), over_(over) { busy_ = true; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    busy_ = false;
    over_.set();
  }

 private:
  bool& busy_;
  Event& over_;
};

}  // namespace

std::string breaker_key(const flow::HttpCall& call, const http::AddressGuard& guard) {
  if (!call.breaker_key.empty()) return call.breaker_key;
  if (std::string host = guard.host_of(call.url); !host.empty()) return host;
  flow::HttpCall address;
  address.url = call.url;
  const std::vector<std::string> secrets = flow::secret_keys(address);
  return secrets.empty() ? std::string() : "secret:" + secrets.front();
}

std::optional<bool> did_well(const http::Response& response) {
  if (response.is_2xx()) return true;
  switch (response.failure) {
    case http::Failure::kNone:
      return response.status < 500 && response.status != 429;
    case http::Failure::kRefusedAddress:
    case http::Failure::kRefusedUrl:
    case http::Failure::kRefusedRequest:
    case http::Failure::kResource:
    case http::Failure::kStopped:
      return std::nullopt;
    case http::Failure::kTimeout:
    case http::Failure::kConnect:
    case http::Failure::kDns:
    case http::Failure::kTls:
    case http::Failure::kReset:
    case http::Failure::kProtocol:
    case http::Failure::kTooLarge:
      return false;
  }
  return std::nullopt;
}

Task<Admission> Breakers::admit(const BreakerCall& call) {
  if (call.key.empty()) co_return Admission{};
  co_await refresh();
  const auto found = known_.find(call.key);
  if (found == known_.end()) co_return Admission{};
  if (found->second.closed) co_return Admission{.watched = true};
  const auto blocked_for = found->second.blocked_until - Clock::now();
  if (blocked_for > Clock::duration::zero()) {
    co_return Admission{.allowed = false, .wait = std::chrono::ceil<milliseconds>(blocked_for)};
  }
  // Others need not ask while this one does, nor while it probes.
  found->second.blocked_until = Clock::now() + kProbeCheck;
  const auto answer =
      co_await ask("admit_call", pg::Params().int8(call.process).text(call.key).int8(call.timeout.count()));
  if (!answer) co_return Admission{};
  const pg::Row row = answer->one();
  const std::string_view verdict = row.text("verdict");
  if (verdict == "probe") co_return Admission{.watched = true, .probe = true};
  if (verdict == "go") {
    if (const auto known = known_.find(call.key); known != known_.end()) known->second.closed = true;
    co_return Admission{.watched = true};
  }
  const milliseconds wait(row.get<std::int64_t>("wait_ms"));
  if (const auto known = known_.find(call.key); known != known_.end())
    known->second.blocked_until = Clock::now() + wait;
  co_return Admission{.allowed = false, .wait = wait};
}

Task<void> Breakers::report(const BreakerCall& call, const Admission& admission, std::optional<bool> good) {
  if (call.key.empty()) co_return;
  const bool news = good ? admission.watched || !*good : admission.probe;
  if (!news) co_return;
  reports_.push_back({call, admission.probe, good});
  const std::uint64_t mine = ++reports_made_;
  while (reports_done_ < mine) {
    if (sending_) {
      (void)co_await sent_.wait();
    } else {
      co_await send_reports();
    }
  }
}

// All that came in while the ones before were being sent go together.
Task<void> Breakers::send_reports() {
  const Busy busy(sending_, sent_);
  const std::vector<Report> reports = std::exchange(reports_, {});
  const std::uint64_t last = reports_made_;
  std::vector<std::string> keys;
  std::vector<std::optional<std::int64_t>> probes;
  std::vector<std::optional<bool>> goods;
  std::vector<std::int32_t> failures;
  std::vector<std::int32_t> windows;
  std::vector<std::int64_t> spans;
  std::vector<std::int64_t> opens;
  for (const Report& report : reports) {
    keys.push_back(report.call.key);
    probes.push_back(report.probe ? std::optional(report.call.process) : std::nullopt);
    goods.push_back(report.good);
    failures.push_back(report.call.limits.failures);
    windows.push_back(report.call.limits.window);
    spans.push_back(milliseconds(report.call.limits.span).count());
    opens.push_back(milliseconds(report.call.limits.open).count());
  }
  pg::Params params;
  params.text_array(keys)
      .int8_array(probes)
      .boolean_array(goods)
      .int4_array(failures)
      .int4_array(windows)
      .int8_array(spans)
      .int8_array(opens);
  const auto rows = co_await ask("report_calls", std::move(params));
  if (rows) learn_of(reports, *rows);
  reports_done_ = last;
}

Task<void> Breakers::refresh() {
  while (Clock::now() - loaded_at_ >= kFresh) {
    if (loading_) {
      (void)co_await loaded_.wait();
    } else {
      co_await load();
    }
  }
}

Task<void> Breakers::load() {
  const Busy busy(loading_, loaded_);
  const auto rows = co_await ask("load_breakers", {});
  loaded_at_ = Clock::now();
  if (!rows) co_return;
  std::unordered_map<std::string, Known> now;
  for (const pg::Row& row : *rows) {
    now.insert_or_assign(
        row.get<std::string>("breaker"),
        Known{row.text("state") == "closed", loaded_at_ + milliseconds(row.get<std::int64_t>("wait_ms"))});
  }
  learn(std::move(now));
}

Task<std::optional<pg::Result>> Breakers::ask(std::string_view statement, pg::Params params) {
  const Deadline until = Clock::now() + kAnswer;
  std::optional<pg::Result> result;
  try {
    pg::Lease connection = co_await connections_.acquire(until);
    result = co_await connection->query(sql::query(statement), std::move(params), until);
  } catch (const pg::PgError& error) {
    log_warn("circuit breakers cannot be asked, calls go on without",
             {{"statement", statement}, {"error", error.message()}});
  }
  co_return result;
}

void Breakers::learn_of(const std::vector<Report>& reports, const pg::Result& rows) {
  std::unordered_map<std::string, Known> now = known_;
  for (const Report& report : reports) now.erase(report.call.key);
  for (const pg::Row& row : rows) {
    now.insert_or_assign(
        row.get<std::string>("breaker"),
        Known{row.text("state") == "closed", Clock::now() + milliseconds(row.get<std::int64_t>("wait_ms"))});
  }
  learn(std::move(now));
}

void Breakers::learn(std::unordered_map<std::string, Known> now) {
  for (const auto& [key, breaker] : now) {
    const auto before = known_.find(key);
    if (!breaker.closed && (before == known_.end() || before->second.closed))
      log_warn("circuit opened", {{"breaker", key}});
  }
  for (const auto& [key, before] : known_) {
    if (!before.closed && !now.contains(key)) log_info("circuit closed", {{"breaker", key}});
  }
  known_ = std::move(now);
}

}  // namespace sluice::workers
