#include "notifier/delivery.h"

namespace sluice::notifier {

namespace {

enum Columns : int {
  kDeliveryId,
  kEndpointId,
  kLaneToken,
  kAttempt,
  kDueAt,
  kCreatedAt,
  kAgeMs,
  kMessageId,
  kCorrelationId,
  kBody,
  kEnd
};
static_assert(static_cast<int>(kEnd) == static_cast<int>(EndpointColumns::kFirst));

}  // namespace

Delivery delivery_from(const pg::Row& row, Queue queue, const Process::Claimant& claimant, Destinations& destinations) {
  Delivery delivery;
  delivery.id = row.get<std::int64_t>(kDeliveryId);
  delivery.endpoint = row.get<Uuid>(kEndpointId);
  delivery.lane_token = row.get<std::int64_t>(kLaneToken);
  delivery.claimant = claimant;
  delivery.queue = queue;
  delivery.attempts = row.get<std::int32_t>(kAttempt);
  delivery.due_at = row.get<Timestamp>(kDueAt);
  delivery.created_at = row.get<Timestamp>(kCreatedAt);
  delivery.age = std::chrono::milliseconds(row.get<std::int64_t>(kAgeMs));
  delivery.message_id = row.get<std::optional<std::string>>(kMessageId).value_or("");
  delivery.correlation_id = row.get<std::optional<std::string>>(kCorrelationId).value_or("");
  delivery.body = row.get<std::optional<std::string>>(kBody).value_or("");
  delivery.destination = destinations.of(delivery.endpoint, row);
  return delivery;
}

}  // namespace sluice::notifier
