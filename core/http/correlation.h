// The header by which a request tells what it belongs to.
#pragma once

#include <optional>
#include <string_view>

#include "core/http/request.h"

namespace sluice::http {

// Whether a correlation id is a W3C Trace Context "traceparent", version 00, as 00-<32 hex>-<16 hex>-<2 hex> in lower
// case.
[[nodiscard]] bool is_traceparent(std::string_view text) noexcept;

// traceparent when the id is one, else x-correlation-id; nothing for an id that is empty or cannot stand in a header.
[[nodiscard]] std::optional<Header> correlation_header(std::string_view id);

}  // namespace sluice::http
