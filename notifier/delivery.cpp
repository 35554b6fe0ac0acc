#include "notifier/delivery.h"

namespace sluice::notifier {
namespace {

enum Columns : int {
  kDeliveryId,
  kAttempt,
  kDueUs,
  kCreatedUs,
  kAgeMs,
  kMessageId,
  kCorrelationId,
  kBody,
  kEndpointId,
  kLaneToken,
  kEnd
};
static_assert(static_cast<int>(kEnd) == static_cast<int>(EndpointColumns::kFirst));

Timestamp time_of(const pg::Row& row, int column) {
  return Timestamp(std::chrono::microseconds(row.get<std::int64_t>(column)));
}

}  // namespace

Delivery ClaimedRows::read(const pg::Row& row) {
  if (!row.is_null(kEndpointId)) {
    endpoint_ = row.get<Uuid>(kEndpointId);
    lane_token_ = row.get<std::int64_t>(kLaneToken);
    destination_ = destinations_.of(endpoint_, row);
  }
  Delivery delivery;
  delivery.id = row.get<std::int64_t>(kDeliveryId);
  delivery.endpoint = endpoint_;
  delivery.lane_token = lane_token_;
  delivery.claimant = claimant_;
  delivery.queue = queue_;
  delivery.attempts = row.get<std::int32_t>(kAttempt);
  delivery.due_at = time_of(row, kDueUs);
  delivery.created_at = time_of(row, kCreatedUs);
  delivery.age = std::chrono::milliseconds(row.get<std::int64_t>(kAgeMs));
  delivery.message_id = row.get<std::optional<std::string>>(kMessageId).value_or("");
  delivery.correlation_id = row.get<std::optional<std::string>>(kCorrelationId).value_or("");
  delivery.body = row.get<std::optional<std::string>>(kBody).value_or("");
  delivery.destination = destination_;
  return delivery;
}

}  // namespace sluice::notifier
