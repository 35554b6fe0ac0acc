// All lanes of this process: which are ours, what may be claimed from them, and what is in flight.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "core/pg/params.h"
#include "notifier/ended.h"
#include "notifier/lane.h"

namespace sluice::notifier {

// How far back a claim looks. Rows before a floor are in flight or done, so that their dead versions need not be read
// again; what was committed late lies below it all the same, and is found by looking further back now and then.
enum class Reach { kFloor, kHalfMinute, kAll };

class Lanes {
 public:
  struct Review {
    bool gained = false;        // a lane that was not ours before
    std::vector<Uuid> surplus;  // idle lanes beyond our fair share, to be released
  };
  // Takes over the rows of acquire_lanes; lanes that are not among them are lost. Of busy lanes as many as are beyond
  // the fair share begin nothing any more, and are surplus when they are idle.
  [[nodiscard]] Review review(const pg::Result& acquired, Clock::time_point now);
  [[nodiscard]] std::vector<Uuid> owned() const;

  // These were released, or all are lost.
  void lose(const std::vector<Uuid>& endpoints);
  void lose_all();

  // Adds what claim_deliveries wants to know about `queue` as its parameters $5 to $9.
  void add_claim_params(pg::Params& params, Queue queue, Reach reach, Clock::time_point now) const;

  // Takes a claimed delivery into flight, unless its lane has no room by the limits that came with it; nothing was
  // written for it, so that it just stays where it is. Returns the era for end().
  [[nodiscard]] std::optional<std::uint64_t> begin(const Delivery& delivery, Clock::time_point now);

  // What was claimed beyond that waits in its lane, if the lane keeps such. False: it stays where it is.
  [[nodiscard]] bool keep(Delivery& delivery, Clock::time_point now);

  // The next that has waited in an endpoint's lane and now has room, begun.
  struct Begun {
    Delivery delivery;
    std::uint64_t era;
  };
  [[nodiscard]] std::optional<Begun> begin_waiting(const Uuid& endpoint, Clock::time_point now);

  // Nothing waits any more.
  void drop_waiting();

  // A delivery that ends without a request.
  void begin_unsent(const Delivery& delivery);

  // The request has ended; its delivery stays among those in flight until its outcome is written or lost.
  void end(const Delivery& delivery, const Outcome& outcome, std::uint64_t era, Clock::time_point now, double u);
  void written(const Delivery& delivery);
  void lost(const Delivery& delivery);

  // What is to be written about the lanes of these endpoints, and its return when it was not.
  using News = std::unordered_map<Uuid, LaneNews>;
  [[nodiscard]] News take_news(std::span<const Ended> batch, Clock::time_point now);
  void give_back(const News& news);

  [[nodiscard]] std::size_t in_flight() const noexcept {
    return busy_.size();
  }  // those whose outcome is not written yet included
  // As many wait for their turn as are being sent, so that the next claim may take its time.
  [[nodiscard]] bool are_stocked() const noexcept { return waiting_ > 0 && waiting_ >= requests_; }
  [[nodiscard]] bool is_busy(std::int64_t delivery) const { return busy_.contains(delivery); }

  // When a lane's limits next allow more than now.
  [[nodiscard]] Deadline next_change(Clock::time_point now) const;

  struct Count {
    int owned = 0;
    int paused = 0;
    int open = 0;  // breakers
  };
  [[nodiscard]] Count count(Clock::time_point now) const;

 private:
  void drop_waiting(Lane& lane);

  std::unordered_map<Uuid, Lane> lanes_;
  std::unordered_map<std::int64_t, Uuid> busy_;  // delivery → endpoint
  std::size_t requests_ = 0;                     // of them
  std::size_t waiting_ = 0;                      // of them, in their lanes
};

}  // namespace sluice::notifier
