#include "core/service/process.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/log.h"
#include "core/pg/pg_error.h"
#include "core/service/schema.h"
#include "sql/sql_text.h"

namespace sluice {
namespace {

using std::chrono::seconds;

constexpr seconds kInterval{1};
constexpr seconds kAnswer{3};   // below the 4 s after which a silent process counts as dead
constexpr int kReapEvery = 10;  // heartbeats between looks for rows of processes long dead

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

Process::Process(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, std::string kind)
    : kind_(std::move(kind)),
      reconnector_(loop, pool, std::move(options), "heartbeat of " + kind_),
      enrolled_(loop),
      renewal_(loop) {}

Task<void> Process::run(StopToken stop) {
  while (!stop.stop_requested()) {
    try {
      co_await beat(stop);
    } catch (const pg::PgError& error) {
      if (error.kind() == pg::ErrorKind::kPermanent) {
        give_up();
        throw;
      }
      connection_.reset();
    } catch (const Error&) {
      give_up();
      throw;
    }
    (void)co_await renewal_.wait(Clock::now() + kInterval, stop);
  }
  try {
    co_await leave();
  } catch (const pg::PgError&) {  // NOLINT(bugprone-empty-catch): the rows say by their age that we are gone
  }
}

Task<Process::Claimant> Process::claimant(StopToken stop) {
  while (current_ == nullptr && !given_up_ && !stop.stop_requested()) {
    (void)co_await enrolled_.wait(kNoDeadline, stop);
  }
  co_return current_;
}

void Process::give_up() noexcept {
  current_.reset();
  given_up_ = true;
  enrolled_.set();
}

void Process::renew() noexcept {
  current_.reset();
  renewal_.set();
}

Task<void> Process::beat(StopToken stop) {
  if (connection_ == nullptr) {
    connection_ = co_await reconnector_.connect(stop);
    if (connection_ == nullptr) co_return;
    if (current_ != nullptr) co_await require_schema();  // while it was away, much may have happened
  }
  co_await refresh();
  if (current_ == nullptr) co_await enroll();
  if (++beats_ % kReapEvery == 0)
    (void)co_await connection_->query(sql::query("reap_processes"), {}, Clock::now() + kAnswer);
}

// A query whose second column is the database's time.
Task<pg::Result> Process::ask(std::string_view query, pg::Params params) {
  const auto asked = Clock::now();
  pg::Result result = co_await connection_->query(sql::query(query), std::move(params), asked + kAnswer);
  clock_.heard(result.one().get<Timestamp>(1), asked, Clock::now());
  co_return result;
}

Task<void> Process::require_schema() {
  co_await schema::require_up_to_date(*connection_, schema::embedded());
}

// A breaking migration waits until nobody is registered and holds registrations up until it is committed. So the schema
// is looked at after registering: what is found then stays while we are alive.
Task<void> Process::enroll() {
  const pg::Result result = co_await ask("register_process", pg::Params().text(kind_).text(host_name()).int4(getpid()));
  co_await require_schema();
  current_ = std::make_shared<Membership>(result.one().get<std::int64_t>(0));
  memberships_.push_back(current_);
  enrolled_.set();
}

// Refreshes every id that is held, and gives up those that are not.
Task<void> Process::refresh() {
  for (std::size_t i = 0; i < memberships_.size();) {
    const std::int64_t id = memberships_[i]->id;
    const bool held = memberships_[i] == current_ || memberships_[i].use_count() > 1;
    bool alive = false;
    if (held) {
      const pg::Result result = co_await ask("heartbeat", pg::Params().int8(id));
      alive = result.one().get<bool>(0);
    } else {
      (void)co_await connection_->query(sql::query("unregister_process"), pg::Params().int8(id),
                                        Clock::now() + kAnswer);
    }
    if (alive) {
      ++i;
      continue;
    }
    if (held) log_warn("this process was declared dead; what it claimed may be done by others", {{"process", id}});
    if (memberships_[i] == current_) current_.reset();
    memberships_.erase(memberships_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

Task<void> Process::leave() {
  current_.reset();
  for (const Claimant& membership : memberships_) {
    if (connection_ == nullptr) break;
    (void)co_await connection_->query(sql::query("unregister_process"), pg::Params().int8(membership->id),
                                      Clock::now() + kAnswer);
  }
  memberships_.clear();
}

}  // namespace sluice
