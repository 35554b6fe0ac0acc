// When to claim without being told, and how far back to look (sql/api/webhook_lanes.sql, point 3). Pure: times in,
// answers out.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "core/async/wait.h"
#include "notifier/lanes.h"

namespace sluice::notifier {

class Agenda {
 public:
  // What the next claim should ask for. Asking counts as done.
  struct Claim {
    Reach reach = Reach::kFloor;
    bool others = false;  // retries and replays too; first attempts always
    bool ahead = false;   // when the next one is due
  };
  [[nodiscard]] Claim next_claim(Clock::time_point now);

  // A claim was made: what came of it, and when the limits of lanes that held something back allow more.
  enum class Yield {
    kNothing,
    kSome,
    kAll,    // as much as was asked for, so there is more
    kEnough  // so, and more than is needed at once
  };
  void claimed(Yield yield, Deadline lanes_change, Clock::time_point now);

  // The database's answer to `ahead`: until something is due, 0 when something is already; nothing when nothing is
  // scheduled.
  void due_in(std::optional<std::chrono::milliseconds> delay, Clock::time_point now);

  // We have put something off ourselves.
  void scheduled(std::chrono::milliseconds delay, Clock::time_point now);

  // Look at once: lanes have come to us, in which something may be scheduled.
  void look_now(Clock::time_point now) { next_due_ = now; }

  [[nodiscard]] Deadline wake_at() const;

  // Whether the last claim is followed by another one in any case. After one that found nothing only what ends makes
  // room, in whichever lane, so each commit must bring a claim along.
  [[nodiscard]] bool comes_back() const noexcept { return again_at_ != kNoDeadline; }

 private:
  bool hungry_ = false;              // the last claim began something, so there may be more
  Deadline again_at_ = kNoDeadline;  // which is looked for then, or along with what is written before, at need
  int empty_claims_ = 0;             // in a row
  Clock::time_point others_asked_{};
  Clock::time_point looked_back_{};
  Clock::time_point looked_at_all_{};
  Clock::time_point looked_ahead_{};
  Deadline next_due_ = kNoDeadline;
  Deadline lanes_change_ = kNoDeadline;
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>>
      soon_;  // what is due within seconds, for punctuality
};

}  // namespace sluice::notifier
