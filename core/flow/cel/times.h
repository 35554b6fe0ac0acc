// Timestamps and durations: reading, writing and adding them. A timestamp lies in the years 1 to 9999, a duration is a
// number of nanoseconds in an int64 (about 292 years), as the standard limits them.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/flow/cel/value.h"

namespace sluice::cel {

// RFC 3339 with up to nine digits of a second's fraction; the error is a message.
[[nodiscard]] std::expected<Timestamp, std::string_view> parse_timestamp(std::string_view text);
[[nodiscard]] std::string to_text(Timestamp time);  // in UTC, fraction only as far as needed

// A sum of decimal numbers with units h, m, s, ms, us, µs, ns, such as "1h30m" or "-1.5s"; "0" alone too.
[[nodiscard]] std::expected<std::int64_t, std::string_view> parse_duration(std::string_view text);
[[nodiscard]] std::string duration_to_text(std::int64_t nanos);  // in seconds: "90.5s"

// The timestamp of that second, if it lies in the years 1 to 9999.
[[nodiscard]] std::optional<Timestamp> timestamp_of(std::int64_t seconds, std::int64_t nanos = 0);

// time ± nanos, and until - since as nanoseconds; nullopt: out of range.
[[nodiscard]] std::optional<Value> shifted(Timestamp time, std::int64_t nanos, bool forward);
[[nodiscard]] std::optional<Value> between(Timestamp since, Timestamp until);

}  // namespace sluice::cel
