#include "core/flow/cel/zone_rule.h"

#include <chrono>

namespace sluice::cel {
namespace {

namespace chrono = std::chrono;

class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : text_(text) {}

  bool take(char expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }
  [[nodiscard]] bool at(char c) const { return text_.starts_with(c); }

  // CEST or <+03>
  bool name() {
    if (take('<')) {
      const std::size_t end = text_.find('>');
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
      return true;
    }
    std::size_t letters = 0;
    while (letters < text_.size() && ((text_[letters] | 0x20) >= 'a' && (text_[letters] | 0x20) <= 'z')) ++letters;
    text_.remove_prefix(letters);
    return letters >= 3;
  }

  std::optional<int> number() {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9')
      value = value * 10 + (text_[digits++] - '0');
    text_.remove_prefix(digits);
    return digits == 0 ? std::nullopt : std::optional(value);
  }

  // [+-]h[:m[:s]]
  std::optional<std::int64_t> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    std::int64_t seconds = 0;
    std::int64_t unit = 3600;
    do {
      const auto part = number();
      if (!part) return std::nullopt;
      seconds += *part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    return negative ? -seconds : seconds;
  }

  std::optional<ZoneRule::Change> change() {
    ZoneRule::Change made;
    if (take('M')) {
      const auto month = number();
      const auto week = month && take('.') ? number() : std::nullopt;
      const auto weekday = week && take('.') ? number() : std::nullopt;
      if (!weekday || *month < 1 || *month > 12 || *week < 1 || *week > 5 || *weekday > 6) return std::nullopt;
      made.month = *month, made.week = *week, made.weekday = *weekday;
    } else {
      made.day = take('J') ? ZoneRule::Change::Day::kJulian : ZoneRule::Change::Day::kZeroBased;
      const auto day = number();
      if (!day || *day > 365) return std::nullopt;
      made.number = *day;
    }
    if (take('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      made.time = *at;
    }
    return made;
  }

 private:
  std::string_view text_;
};

// Local seconds since 1970 (as if UTC) of a change in that year.
std::int64_t local_seconds(const ZoneRule::Change& change, chrono::year year) {
  using Day = ZoneRule::Change::Day;
  chrono::sys_days day;
  if (change.day == Day::kMonthWeekDay) {
    const chrono::year_month month = year / chrono::month(static_cast<unsigned>(change.month));
    const chrono::weekday weekday(static_cast<unsigned>(change.weekday));
    day = change.week == 5 ? chrono::sys_days(month / weekday[chrono::last])
                           : chrono::sys_days(month / weekday[static_cast<unsigned>(change.week)]);
  } else {
    const bool after_february = change.day == Day::kJulian && year.is_leap() && change.number >= 60;
    const int days = change.day == Day::kJulian ? change.number - 1 + (after_february ? 1 : 0) : change.number;
    day = chrono::sys_days(year / 1 / 1) + chrono::days(days);
  }
  return chrono::sys_seconds(day).time_since_epoch().count() + change.time;
}

}  // namespace

std::int64_t ZoneRule::offset_at(std::int64_t unix_seconds) const {
  if (!begin || !end) return standard;
  const chrono::sys_seconds local{chrono::seconds(unix_seconds + standard)};
  const chrono::year year = chrono::year_month_day(chrono::floor<chrono::days>(local)).year();
  const std::int64_t from = local_seconds(*begin, year) - standard;
  const std::int64_t until = local_seconds(*end, year) - summer;
  const bool is_summer =
      from < until ? unix_seconds >= from && unix_seconds < until : unix_seconds >= from || unix_seconds < until;
  return is_summer ? summer : standard;
}

std::optional<ZoneRule> parse_zone_rule(std::string_view text) {
  RuleReader in(text);
  ZoneRule rule;
  if (!in.name()) return std::nullopt;
  const auto west = in.time();  // POSIX counts offsets westwards
  if (!west) return std::nullopt;
  rule.standard = rule.summer = -*west;
  if (in.at_end()) return rule;
  if (!in.name()) return std::nullopt;
  rule.summer = rule.standard + 3600;
  if (!in.at(',')) {
    const auto summer_west = in.time();
    if (!summer_west) return std::nullopt;
    rule.summer = -*summer_west;
  }
  if (!in.take(',')) return std::nullopt;
  rule.begin = in.change();
  if (!rule.begin || !in.take(',')) return std::nullopt;
  rule.end = in.change();
  if (!rule.end || !in.at_end()) return std::nullopt;
  return rule;
}

}  // namespace sluice::cel
