// One endpoint's lane while this process owns it: what may be sent there now. Its limits are plain variables, because
// nobody else sends there meanwhile (sql/api/webhook_lanes.sql).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/base/backoff.h"
#include "notifier/breaker.h"
#include "notifier/delivery.h"
#include "notifier/outcome.h"
#include "notifier/rate_limit.h"

namespace sluice::notifier {

// What is to be written about a lane along with an outcome.
struct LaneNews {
  std::optional<std::chrono::milliseconds> pause;
  std::optional<std::string> breaker;  // JSON
  std::string disable;                 // reason, "" for no

  [[nodiscard]] bool empty() const { return !pause && !breaker && disable.empty(); }
};

// A place in a queue, whose order is that of due times and then of ids.
struct Floor {
  Timestamp due_at;
  std::int64_t id = 0;
  auto operator<=>(const Floor&) const = default;
};

class Lane {
 public:
  Lane();

  // A row of acquire_lanes. A new token begins with the state that the row holds; under the same one the row is what we
  // wrote, unless somebody has reset it by hand.
  void acquire(std::int64_t token, std::chrono::milliseconds pause, std::optional<std::string_view> breaker,
               Clock::time_point now);
  void lose() noexcept { owned_ = false; }
  void leave() noexcept { leaving_ = true; }  // nothing is begun any more
  void stay() noexcept { leaving_ = false; }

  [[nodiscard]] bool owned() const noexcept { return owned_; }
  [[nodiscard]] bool leaving() const noexcept { return leaving_; }
  [[nodiscard]] bool busy() const noexcept { return in_flight_ + unwritten_ > 0; }
  [[nodiscard]] bool paused(Clock::time_point now) const noexcept { return now < paused_until_; }
  [[nodiscard]] std::int64_t token() const noexcept { return token_; }
  [[nodiscard]] const Breaker& breaker() const noexcept { return breaker_; }

  // How many of a queue may begin now; nothing while the endpoint's limits are not known.
  [[nodiscard]] std::optional<int> room(Queue queue, Clock::time_point now) const;

  // How many of a queue a claim should bring: those that may begin now and, of first attempts while all goes well, some
  // that wait here for room, so that an endpoint does not stand idle for the time of a claim.
  [[nodiscard]] std::optional<int> wanted(Queue queue, Clock::time_point now) const;

  // Keeps a claimed delivery that has no room yet; false if it should stay where it is.
  [[nodiscard]] bool keep(Delivery& delivery, Clock::time_point now);
  [[nodiscard]] bool has_waiting() const noexcept { return !waiting_.empty(); }
  // The next one that waits, once there is room for it; it is still to begin.
  [[nodiscard]] std::optional<Delivery> take_waiting(Clock::time_point now);
  // Whether what waits should not be sent from here any more; nothing was written for it.
  [[nodiscard]] bool waits_in_vain(Clock::time_point now) const;
  // Returns the ids of what waited; the next claim finds them again.
  [[nodiscard]] std::vector<std::int64_t> drop_waiting();

  // When `room` grows by itself: a pause ends, or the rate allows another.
  [[nodiscard]] Deadline next_change(Clock::time_point now) const;

  // Begins a claimed delivery if there is room by the limits that it came with; returns the breaker's era.
  std::optional<std::uint64_t> begin(const Delivery& delivery, Clock::time_point now);

  // Its request has ended, with jitter `u` for pauses; its outcome is not written yet.
  void end(const Delivery& delivery, const Outcome& outcome, std::uint64_t era, Clock::time_point now, double u);

  void ended_unsent() noexcept { unwritten_ += 1; }
  void written() noexcept { unwritten_ -= 1; }

  // What changed since last asked.
  [[nodiscard]] LaneNews take_news(Clock::time_point now);
  void give_back(const LaneNews& news);  // it was not written

  // The last delivery claimed from a queue: what lies before is in flight, waits here or is done.
  [[nodiscard]] const std::optional<Floor>& floor(Queue queue) const {
    return floors_[static_cast<std::size_t>(queue)];
  }
  void forget_floors() noexcept { floors_ = {}; }

 private:
  [[nodiscard]] int limited(int room, Queue queue, int limit, Clock::time_point now) const;
  void pause_for(std::chrono::milliseconds pause, Clock::time_point now);
  void raise_floor(const Delivery& delivery);
  [[nodiscard]] int read_ahead(Clock::time_point now) const;

  bool owned_ = false;
  bool leaving_ = false;
  std::int64_t token_ = 0;
  std::optional<int> cap_;  // max_in_flight, once a claim has told
  int in_flight_ = 0;
  int replays_in_flight_ = 0;
  int unwritten_ = 0;
  Clock::time_point paused_until_{};
  Backoff overload_;
  Breaker breaker_;
  RateLimit rate_;
  std::array<std::optional<Floor>, kQueues> floors_;
  struct Waiting {
    Delivery delivery;
    Clock::time_point since;
  };
  std::deque<Waiting> waiting_;
  Clock::time_point delivered_at_{};  // the last success
  bool pause_changed_ = false;
  bool breaker_changed_ = false;
  std::string disable_;
};

}  // namespace sluice::notifier
