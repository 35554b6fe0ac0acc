// Connecting until it works.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/backoff.h"
#include "core/pg/connection.h"

namespace sluice::pg {

// For one long-lived connection of a daemon. Logs an outage once when it begins and once when it is over, however many
// tries lie between; the field `purpose` says whose connection it is.
class Reconnector {
 public:
  Reconnector(Loop& loop, BlockingPool& pool, ConnectOptions options, std::string purpose);

  // Calls `call` with false when an outage begins, and with true when it is over, from inside connect().
  void on_outage(std::function<void(bool over)> call) { on_outage_ = std::move(call); }

  // Calls `call` with each connection that is made, from inside connect().
  void on_connected(std::function<void(const Connection& connection)> call) { on_connected_ = std::move(call); }

  // Tries until it is connected, with 0.1 s to 5 s and jitter between tries, 10 s each; nullptr when `stop` came first.
  // Every PgError is retried, a refused role included (it may be granted while we wait); ConfigError is thrown.
  [[nodiscard]] Task<std::unique_ptr<Connection>> connect(StopToken stop = {});

 private:
  struct Attempt;
  void log_return(Clock::duration away) const;

  Loop& loop_;
  BlockingPool& pool_;
  ConnectOptions options_;
  std::string purpose_;
  std::function<void(bool over)> on_outage_ = [](bool) {};
  std::function<void(const Connection& connection)> on_connected_ = [](const Connection&) {};
  Backoff backoff_;
};

}  // namespace sluice::pg
