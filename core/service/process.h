// This process among all daemons: its registration, its heartbeat, and what its claims are made under. A claim on a
// task or delivery counts while the process that made it is heard of (DESIGN 5): no lease is written, and a dead
// process's claims are free after 4 s.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/async/event.h"
#include "core/pg/reconnect.h"
#include "core/service/database_clock.h"

namespace sluice {

class Process {
 public:
  // An id in sluice_private.processes. Whoever holds it keeps it alive: it is refreshed every second until nobody does.
  struct Membership {
    std::int64_t id;
  };
  using Claimant = std::shared_ptr<const Membership>;

  // `kind` is listener, worker or notifier.
  Process(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, std::string kind);

  // Calls `call` with false when the heartbeats cannot reach the database, and with true when they can again.
  void on_outage(std::function<void(bool over)> call) { reconnector_.on_outage(std::move(call)); }

  // Registers and sends heartbeats over a connection of its own until `stop`, then gives up every id: claims that are
  // left are free at once. Stop it last.
  Task<void> run(StopToken stop);

  // What to claim under, once registered; null when `stop` came first, or when run() has ended with an error.
  Task<Claimant> claimant(StopToken stop);

  // Of the database, as the heartbeats hear it; good once there is a claimant.
  [[nodiscard]] const DatabaseClock& clock() const { return clock_; }

  // Makes later claims go under a new id. To be called when the answer to a claim was lost: what was claimed under the
  // old id without our knowing becomes free as soon as the claims that we do know of have ended and let go of it.
  void renew() noexcept;

 private:
  Task<void> beat(StopToken stop);
  Task<void> enroll();
  Task<void> require_schema();
  Task<void> refresh();
  Task<void> leave();
  void give_up() noexcept;
  Task<pg::Result> ask(std::string_view query, pg::Params params);

  std::string kind_;
  pg::Reconnector reconnector_;
  std::unique_ptr<pg::Connection> connection_;
  Claimant current_;
  std::vector<Claimant> memberships_;  // current_ and older ones that are still held
  bool given_up_ = false;
  Event enrolled_;
  Event renewal_;
  int beats_ = 0;
  DatabaseClock clock_;
};

}  // namespace sluice
