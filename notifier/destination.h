// An endpoint as requests to it need it, read once from the claimed rows and kept until the endpoint is changed.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/signature.h"
#include "core/base/uuid.h"
#include "core/http/request.h"
#include "core/pg/result.h"
#include "core/service/webhook_keys.h"
#include "notifier/schedule.h"

namespace sluice::notifier {

struct Destination {
  std::string url;
  std::vector<http::Header> headers;     // the subscriber's own
  std::vector<SigningSecret> secrets;    // valid ones, the newest first
  std::optional<HmacKey> legacy_secret;  // its text keys x-webhook-signature
  std::string client_certificate;        // name of the credential, "" for none
  std::chrono::milliseconds timeout{15'000};
  std::chrono::milliseconds max_age{0};
  std::optional<RetrySchedule> schedule;  // always there unless `fault` says otherwise
  std::optional<double> rate_limit;       // requests a second
  int max_in_flight = 8;
  std::string fault;  // why nothing can be sent, such as a secret that cannot be read; no fault of the receiver's
};

// The endpoint's columns of a row of claim_deliveries, as they are ordered there.
struct EndpointColumns {
  enum : int {
    kFirst = 10,
    kUrl = kFirst,
    kHeaders,
    kTimeoutSeconds,
    kSecrets,
    kClientCertificate,
    kRetrySchedule,
    kMaxAgeMs,
    kRateLimit,
    kMaxInFlight,
    kEnd
  };
};

// A JSON object of names and values. Throws Error for anything else.
[[nodiscard]] std::vector<http::Header> headers_from(std::string_view json);

// Never throws for what the columns hold: that is a fault of the destination.
[[nodiscard]] Destination destination_from(const Uuid& endpoint, const pg::Row& row, const WebhookKeys& keys);

// The last destination of each endpoint, for as long as its columns stay the same; one with a fault is tried anew.
class Destinations {
 public:
  explicit Destinations(const WebhookKeys& keys) : keys_(keys) {}

  // Of an endpoint's first row in a claim, where its columns stand.
  [[nodiscard]] std::shared_ptr<const Destination> of(const Uuid& endpoint, const pg::Row& row);
  void forget(const Uuid& endpoint) { known_.erase(endpoint); }

 private:
  struct Known {
    std::string columns;  // as text, to see a change
    std::shared_ptr<const Destination> destination;
  };
  const WebhookKeys& keys_;
  std::unordered_map<Uuid, Known> known_;
};

}  // namespace sluice::notifier
