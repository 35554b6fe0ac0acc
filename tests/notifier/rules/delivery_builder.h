// A delivery as tests need it.
#pragma once

#include <memory>
#include <string>

#include "notifier/delivery.h"

namespace sluice::notifier {

inline constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

inline Destination make_destination(const std::string& schedule = "[0, 5, 300]") {
  Destination destination;
  destination.url = "https://hooks.example.com/a";
  destination.secrets.push_back(SigningSecret::parse(kSecret));
  destination.legacy_secret.emplace(kSecret);
  destination.max_age = std::chrono::hours(24 * 7);
  destination.schedule = RetrySchedule::parse(schedule);
  return destination;
}

inline Delivery make_delivery(int attempts = 0, Destination destination = make_destination()) {
  Delivery delivery;
  delivery.id = 7;
  delivery.lane_token = 3;
  delivery.attempts = attempts;
  delivery.message_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  delivery.body = R"({"test": 2432232314})";
  delivery.destination = std::make_shared<const Destination>(std::move(destination));
  return delivery;
}

}  // namespace sluice::notifier
