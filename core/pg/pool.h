// A bounded set of connections that coroutines of one loop borrow.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/async/event.h"
#include "core/pg/connection.h"

namespace sluice::pg {

class Pool;

// A borrowed connection; goes back when destroyed. It is closed instead of kept when it is broken or left in a
// transaction.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();

  Connection& operator*() const noexcept { return *connection_; }
  Connection* operator->() const noexcept { return connection_.get(); }

 private:
  friend class Pool;
  Lease(Pool& pool, std::unique_ptr<Connection> connection) : pool_(&pool), connection_(std::move(connection)) {}
  Pool* pool_;
  std::unique_ptr<Connection> connection_;
};

class Pool {
 public:
  // Opens nothing yet. `size` is at least 1. Outlives its leases and the tasks that acquire.
  Pool(Loop& loop, BlockingPool& blocking, ConnectOptions options, std::size_t size);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A connection: an idle one that is still open, else a new one, else (all lent out) the first that comes back; first
  // come, first served. Throws PgError{kLost} when the deadline passes first, and what connect() throws.
  Task<Lease> acquire(Deadline deadline = kNoDeadline);

  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  [[nodiscard]] std::size_t lent() const noexcept { return lent_; }  // being opened included

  // Closes what is idle (after a failover; at shutdown).
  void close_idle() noexcept { idle_.clear(); }

 private:
  friend class Lease;
  class Slot;
  struct Waiter;

  void give_back(std::unique_ptr<Connection> connection) noexcept;
  void free_slot() noexcept;
  [[nodiscard]] std::unique_ptr<Connection> take_idle() noexcept;

  Loop& loop_;
  BlockingPool& blocking_;
  ConnectOptions options_;
  std::size_t size_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<Connection>> idle_;  // the last used is taken first
  std::deque<Waiter*> waiters_;
};

}  // namespace sluice::pg
