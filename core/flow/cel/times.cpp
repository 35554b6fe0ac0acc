#include "core/flow/cel/times.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace sluice::cel {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

// Reads text from its start; each method gives nullopt or false when what it wants is not there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<int> number(std::size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }

  bool one_of(std::string_view letters) {
    if (text_.empty() || !letters.contains(text_.front())) return false;
    last_ = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] char last() const { return last_; }

  // Digits of a fraction as nanoseconds; at least one, at most nine.
  std::optional<std::int32_t> nanos() {
    std::int32_t value = 0;
    std::int32_t unit = kNanosPerSecond / 10;
    std::size_t count = 0;
    for (; count < text_.size() && text_[count] >= '0' && text_[count] <= '9'; ++count) {
      value += (text_[count] - '0') * unit;
      unit /= 10;
    }
    if (count == 0 || count > 9) return std::nullopt;
    text_.remove_prefix(count);
    return value;
  }

  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  char last_ = 0;
};

constexpr std::string_view kNotATimestamp = "invalid timestamp: expected RFC 3339, as in 2009-02-13T23:31:30Z";
constexpr std::string_view kTimestampRange = "timestamp out of range: years are 0001 to 9999";
constexpr std::string_view kNotADuration = "invalid duration: expected numbers with units, as in 1h30m or 1.5s";
constexpr std::string_view kDurationRange = "duration out of range: about 292 years at most";

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"\u00b5s", 1'000},
                                      {"\u03bcs", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", kNanosPerSecond},
                                      {"m", 60 * kNanosPerSecond},
                                      {"h", 3600 * kNanosPerSecond}}};

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (unit.name == "m" && text.starts_with("ms")) continue;
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

bool is_digit(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

// One number with its unit, in nanoseconds as a wide integer so that its range is checked once at the end.
std::expected<__int128, std::string_view> take_part(std::string_view& text) {
  __int128 whole = 0;
  bool any = false;
  for (; is_digit(text); text.remove_prefix(1), any = true) {
    whole = whole * 10 + (text.front() - '0');
    if (whole > std::numeric_limits<std::int64_t>::max()) return std::unexpected(kDurationRange);
  }
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (; is_digit(text); text.remove_prefix(1), any = true) {
      if (scale >= 1'000'000'000'000'000) continue;  // beyond what any unit can show
      fraction = fraction * 10 + (text.front() - '0');
      scale *= 10;
    }
  }
  const Unit* unit = take_unit(text);
  if (!any || unit == nullptr) return std::unexpected(kNotADuration);
  return whole * unit->nanos + static_cast<__int128>(fraction) * unit->nanos / scale;
}

// Up to nine digits after a point, without zeros at the end.
std::string fraction_text(std::int64_t nanos) {
  if (nanos == 0) return {};
  std::string text = fmt::format(".{:09}", nanos);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

std::expected<Timestamp, std::string_view> parse_timestamp(std::string_view text) {
  namespace chrono = std::chrono;
  Scanner in(text);
  const auto year = in.number(4);
  if (year && in.number(1)) return std::unexpected(kTimestampRange);  // five digits of a year
  const bool date_begun = year && in.one_of("-");
  const auto month = date_begun ? in.number(2) : std::nullopt;
  const auto day = month && in.one_of("-") ? in.number(2) : std::nullopt;
  const auto hour = day && in.one_of("Tt ") ? in.number(2) : std::nullopt;
  const auto minute = hour && in.one_of(":") ? in.number(2) : std::nullopt;
  const auto second = minute && in.one_of(":") ? in.number(2) : std::nullopt;
  if (!second) return std::unexpected(kNotATimestamp);
  const auto nanos = in.one_of(".") ? in.nanos() : std::optional<std::int32_t>(0);
  if (!nanos || !in.one_of("Zz+-")) return std::unexpected(kNotATimestamp);
  const char zone = in.last();
  int offset_minutes = 0;
  if (zone == '+' || zone == '-') {
    const auto hours = in.number(2);
    const auto minutes = hours && in.one_of(":") ? in.number(2) : std::nullopt;
    if (!minutes || *hours > 23 || *minutes > 59) return std::unexpected(kNotATimestamp);
    offset_minutes = (*hours * 60 + *minutes) * (zone == '-' ? -1 : 1);
  }
  const chrono::year_month_day date{chrono::year(*year), chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day))};
  if (!in.at_end() || !date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::unexpected(kNotATimestamp);
  const std::int64_t days = chrono::sys_days(date).time_since_epoch().count();
  const auto time = timestamp_of(((days * 24 + *hour) * 60 + *minute - offset_minutes) * 60 + *second, *nanos);
  if (!time) return std::unexpected(kTimestampRange);
  return *time;
}

std::string to_text(Timestamp time) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds instant{chrono::seconds(time.seconds)};
  const auto day = chrono::floor<chrono::days>(instant);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), fraction_text(time.nanos));
}

std::expected<std::int64_t, std::string_view> parse_duration(std::string_view text) {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::unexpected(kNotADuration);
  __int128 nanos = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) return std::unexpected(part.error());
    nanos += *part;
    if (nanos > std::numeric_limits<std::int64_t>::max()) return std::unexpected(kDurationRange);
  }
  return static_cast<std::int64_t>(negative ? -nanos : nanos);
}

std::string duration_to_text(std::int64_t nanos) {
  const std::uint64_t magnitude = nanos < 0 ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
  return fmt::format("{}{}{}s", nanos < 0 ? "-" : "", magnitude / kNanosPerSecond,
                     fraction_text(static_cast<std::int64_t>(magnitude % kNanosPerSecond)));
}

std::optional<Timestamp> timestamp_of(std::int64_t seconds, std::int64_t nanos) {
  if (seconds < kFirstSecond || seconds > kLastSecond) return std::nullopt;
  return Timestamp{seconds, static_cast<std::int32_t>(nanos)};
}

std::optional<Value> shifted(Timestamp time, std::int64_t nanos, bool forward) {
  const __int128 total = static_cast<__int128>(time.seconds) * kNanosPerSecond + time.nanos +
                         (forward ? __int128{nanos} : -__int128{nanos});
  __int128 seconds = total / kNanosPerSecond;
  if (seconds * kNanosPerSecond > total) --seconds;  // division truncates, a second's fraction is never negative
  const auto result =
      timestamp_of(static_cast<std::int64_t>(seconds), static_cast<std::int64_t>(total - seconds * kNanosPerSecond));
  return result ? std::optional(Value::timestamp(*result)) : std::nullopt;
}

std::optional<Value> between(Timestamp since, Timestamp until) {
  const __int128 nanos =
      static_cast<__int128>(until.seconds - since.seconds) * kNanosPerSecond + (until.nanos - since.nanos);
  if (nanos > std::numeric_limits<std::int64_t>::max() || nanos < std::numeric_limits<std::int64_t>::min())
    return std::nullopt;
  return Value::duration(static_cast<std::int64_t>(nanos));
}

}  // namespace sluice::cel
