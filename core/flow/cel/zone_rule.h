// The rule that a zone follows after its last recorded transition, in the notation of POSIX's TZ variable as RFC 9636
// restricts and extends it: CET-1CEST,M3.5.0,M10.5.0/3.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::cel {

struct ZoneRule {
  // One of a year's two changes.
  struct Change {
    enum class Day : std::uint8_t { kMonthWeekDay, kJulian, kZeroBased } day = Day::kMonthWeekDay;
    int month = 0, week = 0, weekday = 0;  // kMonthWeekDay: week 5 is the last
    int number = 0;                        // kJulian: 1 … 365 without 29 February; kZeroBased: 0 … 365
    std::int64_t time = 7200;              // local seconds after that day's midnight
  };

  std::int64_t standard = 0;  // seconds east of UTC
  std::int64_t summer = 0;
  std::optional<Change> begin;  // of summer time; absent: standard all year
  std::optional<Change> end;

  [[nodiscard]] std::int64_t offset_at(std::int64_t unix_seconds) const;
};

// nullopt: empty or malformed.
[[nodiscard]] std::optional<ZoneRule> parse_zone_rule(std::string_view text);

}  // namespace sluice::cel
