// Claims from queues that have limits, beside the claim from all others: only while there are such queues.
#pragma once

#include <span>

#include "core/async/loop.h"
#include "core/pg/pipeline.h"
#include "core/pg/result.h"

namespace sluice::workers {

class LimitedClaims {
 public:
  // How many of the `room` tasks that a claim may take are to come from limited queues; the others get the rest.
  [[nodiscard]] int share(int room);

  // Adds what is to be asked to a claim of `process`: once a second whether any queue is limited, and a claim of up to
  // `share` tasks.
  void add(pg::Pipeline& pipeline, std::int64_t process, int share);

  // Reads the answers out of the pipeline's results. The rows of the claim, of which one without an id is no task; null
  // when none was made.
  [[nodiscard]] const pg::Result* answer(std::span<const pg::Result> results);

  // When the clock alone will let more be claimed, as of the last answer.
  [[nodiscard]] std::optional<Timestamp> look_again() const { return look_again_; }

 private:
  bool any_ = false;
  bool turn_ = false;  // whose turn it is when there is room for one task alone
  Clock::time_point asked_{};
  int question_at_ = -1;
  int claim_at_ = -1;
  std::optional<Timestamp> look_again_;
};

}  // namespace sluice::workers
