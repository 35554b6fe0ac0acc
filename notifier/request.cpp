#include "notifier/request.h"

#include <algorithm>

#include "core/http/header_policy.h"

namespace sluice::notifier {
namespace {

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_all_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() != 55 || !text.starts_with("00-") || text[35] != '-' || text[52] != '-') return false;
  const std::string_view trace = text.substr(3, 32);
  const std::string_view parent = text.substr(36, 16);
  return is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(text.substr(53)) && !is_all_zero(trace) &&
         !is_all_zero(parent);
}

http::Request make_request(const Delivery& delivery, Timestamp now) {
  const Destination& destination = *delivery.destination;
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  http::Request request;
  request.url = destination.url;
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
  if (is_traceparent(delivery.correlation_id)) {
    request.headers.push_back({"traceparent", delivery.correlation_id});
  } else if (!delivery.correlation_id.empty() && http::is_header_value(delivery.correlation_id)) {
    request.headers.push_back({"x-correlation-id", delivery.correlation_id});
  }
  request.custom_headers = destination.headers;
  request.body = delivery.body;
  request.timeout = destination.timeout;
  return request;
}

}  // namespace sluice::notifier
