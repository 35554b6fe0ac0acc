#include "core/pg/pool.h"

#include <algorithm>

namespace sluice::pg {

// A coroutine that waits for a slot. Granted means that the slot is its own, to be passed on if it never gets to use
// it.
struct Pool::Waiter {
  explicit Waiter(Pool& owner) : pool(owner), woken(owner.loop_) { pool.waiters_.push_back(this); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (granted) {
      pool.free_slot();
    } else {
      std::erase(pool.waiters_, this);
    }
  }

  Pool& pool;
  Event woken;
  bool granted = false;
};

// The right to one of the pool's connections, while there is none yet.
class Pool::Slot {
 public:
  explicit Slot(Pool& pool) noexcept : pool_(&pool) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (pool_ != nullptr) pool_->free_slot();
  }
  Lease lease(std::unique_ptr<Connection> connection) {
    return Lease(*std::exchange(pool_, nullptr), std::move(connection));
  }

 private:
  Pool* pool_;
};

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}

Lease::~Lease() {
  if (pool_ != nullptr) pool_->give_back(std::move(connection_));
}

Pool::Pool(Loop& loop, BlockingPool& blocking, ConnectOptions options, std::size_t size)
    : loop_(loop), blocking_(blocking), options_(std::move(options)), size_(std::max<std::size_t>(size, 1)) {}

Pool::~Pool() = default;

Task<Lease> Pool::acquire(Deadline deadline) {
  if (lent_ < size_ && waiters_.empty()) {
    ++lent_;
  } else {
    Waiter waiter(*this);
    while (!waiter.granted) {
      const Woken woken = co_await waiter.woken.wait(deadline);
      if (woken == Woken::kTimeout && !waiter.granted) {
        throw PgError::lost("no database connection was free before the deadline", "raise the size of the pool");
      }
    }
    waiter.granted = false;  // the slot is ours now, as lent_ says
  }
  Slot slot(*this);
  std::unique_ptr<Connection> connection = take_idle();
  if (!connection) connection = co_await Connection::connect(loop_, blocking_, options_, deadline);
  co_return slot.lease(std::move(connection));
}

std::unique_ptr<Connection> Pool::take_idle() noexcept {
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->still_open()) return connection;
  }
  return nullptr;
}

void Pool::give_back(std::unique_ptr<Connection> connection) noexcept {
  if (!connection->broken() && !connection->busy() && !connection->in_transaction())
    idle_.push_back(std::move(connection));
  free_slot();
}

void Pool::free_slot() noexcept {
  if (waiters_.empty()) {
    --lent_;
    return;
  }
  Waiter* next = waiters_.front();
  waiters_.pop_front();
  next->granted = true;
  next->woken.set();
}

}  // namespace sluice::pg
