// Moments of civil time, in UTC and to the microsecond as PostgreSQL keeps them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

[[nodiscard]] Timestamp utc_now();

// RFC 3339 in UTC, always with six digits of fraction: 2026-01-02T03:04:05.678901Z.
[[nodiscard]] std::string to_rfc3339(Timestamp time);

// RFC 3339 with any offset and 0–9 digits of fraction (beyond six they are cut off). A blank may stand for the T and an
// offset may lack its minutes, so that PostgreSQL's ISO output is read too. Years 0001–9999; a leap second counts as
// the next second. Nothing when the text is not wholly a time.
[[nodiscard]] std::optional<Timestamp> parse_rfc3339(std::string_view text);

}  // namespace sluice
