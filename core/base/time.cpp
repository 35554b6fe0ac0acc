#include "core/base/time.h"

#include <fmt/format.h>

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Takes text from the front, or fails for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!at_digit()) return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  bool any_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(std::string_view characters) {
    if (!any_of(characters)) fail();
  }

  // One to nine digits after the point, cut off at microseconds.
  microseconds fraction() {
    int value = 0;
    int count = 0;
    for (; at_digit(); ++count) {
      if (count < 6) value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (count == 0 || count > 9) return microseconds(fail());
    for (int i = count; i < 6; ++i) value *= 10;
    return microseconds(value);
  }

  [[nodiscard]] bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  [[nodiscard]] bool finished() const { return !failed_ && rest_.empty(); }
  int fail() {
    failed_ = true;
    return 0;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

// Z, or ±hh[[:]mm].
std::optional<minutes> read_offset(Reader& reader) {
  if (reader.any_of("Zz")) return minutes(0);
  const bool west = reader.any_of("-");
  if (!west && !reader.any_of("+")) return std::nullopt;
  const int offset_hours = reader.digits(2);
  int offset_minutes = 0;
  if (reader.any_of(":") || reader.at_digit()) offset_minutes = reader.digits(2);
  if (offset_hours > 23 || offset_minutes > 59) return std::nullopt;
  const minutes offset = hours(offset_hours) + minutes(offset_minutes);
  return west ? -offset : offset;
}

}  // namespace

Timestamp utc_now() {
  return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  Reader reader(text);
  const std::chrono::year year(reader.digits(4));
  reader.expect("-");
  const std::chrono::month month(static_cast<unsigned>(reader.digits(2)));
  reader.expect("-");
  const std::chrono::day day(static_cast<unsigned>(reader.digits(2)));
  reader.expect("Tt ");
  const int hour = reader.digits(2);
  reader.expect(":");
  const int minute = reader.digits(2);
  reader.expect(":");
  const int second = reader.digits(2);
  microseconds fraction{0};
  if (reader.any_of(".")) fraction = reader.fraction();
  const std::optional<minutes> offset = read_offset(reader);

  const std::chrono::year_month_day date(year, month, day);
  if (!reader.finished() || !offset || !date.ok() || year < std::chrono::year(1)) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const Timestamp time =
      std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + fraction - *offset;
  // Its offset may take it into the year before or after.
  const std::chrono::year in_utc = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year();
  if (in_utc < std::chrono::year(1) || in_utc > std::chrono::year(9999)) return std::nullopt;
  return time;
}

}  // namespace sluice
