// A claimed delivery: a message, where it goes, and what was tried before.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/time.h"
#include "core/base/uuid.h"
#include "core/pg/result.h"
#include "core/service/process.h"
#include "notifier/destination.h"

namespace sluice::notifier {

// The three queues of an endpoint, claimed apart so that none waits behind another.
enum class Queue { kFirst = 0, kRetry = 1, kReplay = 2 };
inline constexpr int kQueues = 3;

struct Delivery {
  std::int64_t id = 0;
  Uuid endpoint;
  std::int64_t lane_token = 0;  // fences the outcome
  Process::Claimant claimant;   // under which the lane is ours
  Queue queue = Queue::kFirst;
  int attempts = 0;  // made before this one
  Timestamp due_at;
  Timestamp created_at;              // fences the outcome, too: with the id it names this delivery and no later one
  std::chrono::milliseconds age{0};  // when claimed, by the database's clock
  std::string message_id;            // webhook-id; "" when retention has taken the message away
  std::string correlation_id;
  std::string body;
  std::shared_ptr<const Destination> destination;
};

// Reads the rows of one claim_deliveries, all of them and in their order: an endpoint stands in its first row only.
class ClaimedRows {
 public:
  ClaimedRows(Queue queue, Process::Claimant claimant, Destinations& destinations)
      : queue_(queue), claimant_(std::move(claimant)), destinations_(destinations) {}

  [[nodiscard]] Delivery read(const pg::Row& row);

 private:
  Queue queue_;
  Process::Claimant claimant_;
  Destinations& destinations_;
  Uuid endpoint_;
  std::int64_t lane_token_ = 0;
  std::shared_ptr<const Destination> destination_;
};

}  // namespace sluice::notifier
