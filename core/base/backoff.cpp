#include "core/base/backoff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace sluice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kShortDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

// The parts of an HTTP date, matched against a pattern: a = short day, A = long day, b = month, d = day, D = day with a
// leading blank allowed, Y = four-digit year, y = two-digit year, H M S = clock; anything else stands for itself.
struct DateFields {
  int year = -1, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  bool short_year = false;
};

class DateMatcher {
 public:
  explicit DateMatcher(std::string_view text) : rest_(text) {}

  std::optional<DateFields> match(std::string_view pattern) {
    for (const char part : pattern) {
      if (!match_part(part)) return std::nullopt;
    }
    if (!rest_.empty()) return std::nullopt;
    return fields_;
  }

 private:
  bool match_part(char part) {
    switch (part) {
      case 'a':
        return word(kShortDays) >= 0;
      case 'A':
        return word(kLongDays) >= 0;
      case 'b':
        return (fields_.month = word(kMonths) + 1) > 0;
      case 'd':
        return number(2, fields_.day);
      case 'D':
        return literal(' ') ? number(1, fields_.day) : number(2, fields_.day);
      case 'Y':
        return number(4, fields_.year);
      case 'y':
        return fields_.short_year = number(2, fields_.year);
      case 'H':
        return number(2, fields_.hour);
      case 'M':
        return number(2, fields_.minute);
      case 'S':
        return number(2, fields_.second);
      default:
        return literal(part);
    }
  }

  bool literal(char character) {
    if (!rest_.starts_with(character)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool number(std::size_t digits, int& value) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (const char digit : rest_.substr(0, digits)) {
      if (digit < '0' || digit > '9') return false;
      value = value * 10 + (digit - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }

  template <std::size_t N>
  int word(const std::array<std::string_view, N>& words) {
    for (std::size_t i = 0; i < N; ++i) {
      if (!rest_.starts_with(words[i])) continue;
      rest_.remove_prefix(words[i].size());
      return static_cast<int>(i);
    }
    return -1;
  }

  std::string_view rest_;
  DateFields fields_;
};

std::optional<Timestamp> parse_http_date(std::string_view text, Timestamp now) {
  for (const std::string_view pattern : {"a, d b Y H:M:S GMT", "A, d-b-y H:M:S GMT", "a b D H:M:S Y"}) {
    // The letters of GMT are not pattern letters but M is: match the zone apart.
    const bool zoned = pattern.ends_with(" GMT");
    if (zoned && !text.ends_with(" GMT")) continue;
    DateMatcher matcher(zoned ? text.substr(0, text.size() - 4) : text);
    auto fields = matcher.match(zoned ? pattern.substr(0, pattern.size() - 4) : pattern);
    if (!fields) continue;
    if (fields->short_year) {
      // RFC 9110 5.6.7: more than 50 years ahead means the past century.
      const int this_year =
          static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year());
      fields->year += this_year - this_year % 100;
      if (fields->year > this_year + 50) fields->year -= 100;
    }
    const std::chrono::year_month_day date(std::chrono::year(fields->year),
                                           std::chrono::month(static_cast<unsigned>(fields->month)),
                                           std::chrono::day(static_cast<unsigned>(fields->day)));
    if (!date.ok() || fields->hour > 23 || fields->minute > 59 || fields->second > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(fields->hour) + std::chrono::minutes(fields->minute) +
           seconds(fields->second);
  }
  return std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

milliseconds backoff_delay(const BackoffPolicy& policy, int failed, double u) {
  const double grown = static_cast<double>(policy.base.count()) * std::pow(policy.factor, std::max(failed, 1) - 1);
  const double bounded = std::min(grown, static_cast<double>(policy.max.count()));
  return with_jitter(milliseconds(std::llround(bounded)), policy.jitter, u);
}

milliseconds with_jitter(milliseconds delay, double jitter, double u) {
  return milliseconds(std::llround(static_cast<double>(delay.count()) * (1 + jitter * u)));
}

milliseconds Backoff::next() {
  if (failed_ < std::numeric_limits<int>::max()) ++failed_;
  return backoff_delay(policy_, failed_, random_fraction(random_));
}

std::optional<seconds> parse_retry_after(std::string_view value, Timestamp now) {
  value = without_blanks(value);
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    seconds delay{0};
    for (const char digit : value) delay = std::min(kMaxRetryAfter, delay * 10 + seconds(digit - '0'));
    return delay;
  }
  const std::optional<Timestamp> date = parse_http_date(value, now);
  if (!date) return std::nullopt;
  return std::clamp(std::chrono::ceil<seconds>(*date - now), seconds(0), kMaxRetryAfter);
}

}  // namespace sluice
