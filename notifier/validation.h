// The OPTIONS handshake (CloudEvents, "HTTP 1.1 Web Hooks for Event Delivery", section 4): what is asked, and what an
// answer means. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/http/request.h"

namespace sluice::notifier {

struct Validation {
  std::string outcome;               // "validated", "refused", or "pending": to be asked again after `delay`
  std::string error;                 // why not, "" when validated
  std::optional<double> rate_limit;  // requests a second that the receiver allows
  std::chrono::milliseconds delay{0};
};

// `origin` names this sender, such as the machine's host name.
[[nodiscard]] http::Request make_validation_request(const std::string& url, const std::string& origin);

// `attempt` counts from 1. What the network did is tried again a few times; what the receiver said is final.
[[nodiscard]] Validation judge_validation(const http::Response& response, const std::string& origin, int attempt);

}  // namespace sluice::notifier
