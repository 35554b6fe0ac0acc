#include "notifier/delivery.h"

namespace sluice::notifier {

Delivery delivery_from(const pg::Row& row, Queue queue, const Process::Claimant& claimant, Destinations& destinations) {
  Delivery delivery;
  delivery.id = row.get<std::int64_t>("delivery_id");
  delivery.endpoint = row.get<Uuid>("endpoint_id");
  delivery.lane_token = row.get<std::int64_t>("lane_token");
  delivery.claimant = claimant;
  delivery.queue = queue;
  delivery.attempts = row.get<std::int32_t>("attempt");
  delivery.due_at = row.get<Timestamp>("due_at");
  delivery.created_at = row.get<Timestamp>("created_at");
  delivery.age = std::chrono::milliseconds(row.get<std::int64_t>("age_ms"));
  delivery.message_id = row.get<std::optional<std::string>>("message_id").value_or("");
  delivery.correlation_id = row.get<std::optional<std::string>>("correlation_id").value_or("");
  delivery.body = row.get<std::optional<std::string>>("body").value_or("");
  delivery.destination = destinations.of(delivery.endpoint, row);
  return delivery;
}

}  // namespace sluice::notifier
