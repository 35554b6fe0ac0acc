// Which request headers a user may give (WEBHOOKS 5).
#pragma once

#include <string_view>

#include "core/http/address_guard.h"

namespace sluice::http {

// A token as name, no control character in the value, at most 8 KiB, and none of the names that belong to the
// connection (Host, Content-Length, Transfer-Encoding, hop-by-hop) or to the signature (webhook-*,
// x-webhook-signature). Reasons: "header_name", "header_value", "header_reserved". The sentence does not repeat the
// value, which may be a secret.
[[nodiscard]] Verdict judge_header(std::string_view name, std::string_view value);

// Whether the value can be sent at all: no line break or other control character, at most 8 KiB.
[[nodiscard]] bool is_header_value(std::string_view value) noexcept;

[[nodiscard]] bool equal_names(std::string_view left, std::string_view right) noexcept;  // without regard to case

}  // namespace sluice::http
