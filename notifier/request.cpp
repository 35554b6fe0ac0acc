#include "notifier/request.h"

#include "core/http/correlation.h"

namespace sluice::notifier {

http::Request make_request(const Delivery& delivery, Timestamp now) {
  const Destination& destination = *delivery.destination;
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  http::Request request;
  request.url = destination.url;
  request.headers.reserve(6);
  request.headers.push_back({"content-type", "application/json"});
  request.headers.push_back({"webhook-id", delivery.message_id});
  request.headers.push_back({"webhook-timestamp", std::to_string(timestamp)});
  if (!destination.secrets.empty()) {
    request.headers.push_back(
        {"webhook-signature", webhook_signature(destination.secrets, delivery.message_id, timestamp, delivery.body)});
  }
  if (destination.legacy_secret) {
    request.headers.push_back({"x-webhook-signature", legacy_signature(*destination.legacy_secret, delivery.body)});
  }
  if (auto header = http::correlation_header(delivery.correlation_id)) request.headers.push_back(std::move(*header));
  request.custom_headers = destination.headers;
  request.body = delivery.body;
  request.timeout = destination.timeout;
  return request;
}

}  // namespace sluice::notifier
