// What an attempt means for its delivery and its endpoint (WEBHOOKS 3). Pure: response, history and a random number in,
// a verdict out.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/base/time.h"
#include "core/http/request.h"
#include "notifier/delivery.h"

namespace sluice::notifier {

struct Outcome {
  enum class Kind {
    kDelivered,    // 2xx
    kRetry,        // due again after `delay`
    kDead,         // never again by itself
    kDeferred,     // a fault of ours: due again after `delay`, and no attempt was spent
    kInterrupted,  // we were told to stop: as if it had not been tried
  };
  Kind kind = Kind::kRetry;
  std::chrono::milliseconds delay{0};
  std::string error_class;  // "" when delivered

  // For the whole lane.
  bool overloaded = false;                         // 429, 503, a timeout: the endpoint wants less for a while
  std::optional<std::chrono::milliseconds> pause;  // Retry-After: how long it wants to be left alone
  std::string disable;                             // why the endpoint is to be disabled, "" if it is not
};

// The name as stored and counted: delivered, retry, dead, deferred, interrupted.
[[nodiscard]] std::string_view name_of(Outcome::Kind kind) noexcept;

// `u` in [0, 1) chooses the jitter of 0–20 %; `now` dates a Retry-After.
[[nodiscard]] Outcome judge(const Delivery& delivery, const http::Response& response, Timestamp now, double u);

// What ends a delivery before it is tried: its message is gone, or it is older than its endpoint allows.
[[nodiscard]] std::optional<Outcome> judge_unsent(const Delivery& delivery);

}  // namespace sluice::notifier
