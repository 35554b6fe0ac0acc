// A delivery as an HTTP request (WEBHOOKS 1).
#pragma once

#include "core/http/request.h"
#include "notifier/delivery.h"

namespace sluice::notifier {

// Signed for an attempt at `now`: every attempt has its own timestamp and signatures under the same webhook-id. The
// destination is without a fault. The client certificate is the sender's to add.
[[nodiscard]] http::Request make_request(const Delivery& delivery, Timestamp now);

// Whether a correlation id is a W3C Trace Context "traceparent", version 00, as 00-<32 hex>-<16 hex>-<2 hex> in lower
// case.
[[nodiscard]] bool is_traceparent(std::string_view text) noexcept;

}  // namespace sluice::notifier
