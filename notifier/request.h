// A delivery as an HTTP request (WEBHOOKS 1).
#pragma once

#include "core/http/request.h"
#include "notifier/delivery.h"

namespace sluice::notifier {

// Signed for an attempt at `now`: every attempt has its own timestamp and signatures under the same webhook-id. The
// destination is without a fault. The client certificate is the sender's to add.
[[nodiscard]] http::Request make_request(const Delivery& delivery, Timestamp now);

}  // namespace sluice::notifier
