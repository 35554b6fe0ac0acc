// Offsets of time zones, from the system's zoneinfo (RFC 9636). Zones are read once and kept; any thread may ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::cel {

// Seconds east of UTC at that instant. `zone` is an IANA name (Europe/Paris, UTC) or an offset (+01:00, -02:30, 02:00);
// nullopt: no such zone.
[[nodiscard]] std::optional<std::int64_t> zone_offset(std::string_view zone, std::int64_t unix_seconds);

}  // namespace sluice::cel
