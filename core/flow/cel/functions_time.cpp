// timestamp() and duration() and the parts of both.
#include <fmt/format.h>

#include <chrono>

#include "core/flow/cel/functions.h"
#include "core/flow/cel/times.h"
#include "core/flow/cel/zone.h"

namespace sluice::cel {
namespace {

namespace chrono = std::chrono;

Value timestamp(const Call& call) {
  const Value& from = call.args[0];
  if (from.is(Kind::kTimestamp)) return from;
  if (from.is(Kind::kInt)) {
    const auto time = timestamp_of(from.as_int());
    return time ? Value::timestamp(*time) : call.error(fmt::format("timestamp out of range: {}", from.as_int()));
  }
  if (!from.is(Kind::kString)) return call.no_overload();
  const auto time = parse_timestamp(from.text());
  return time ? Value::timestamp(*time) : call.error(time.error());
}

Value duration(const Call& call) {
  const Value& from = call.args[0];
  if (from.is(Kind::kDuration)) return from;
  if (!from.is(Kind::kString)) return call.no_overload();
  const auto nanos = parse_duration(from.text());
  return nanos ? Value::duration(*nanos) : call.error(nanos.error());
}

// A timestamp's date and clock in the zone of the second argument, UTC without one.
struct Local {
  chrono::sys_days day;
  chrono::year_month_day date;
  chrono::hh_mm_ss<chrono::seconds> clock;
};

std::optional<Local> local(const Call& call) {
  std::int64_t seconds = call.args[0].as_timestamp().seconds;
  if (call.args.size() == 2) {
    const auto offset = zone_offset(call.args[1].text(), seconds);
    if (!offset) return std::nullopt;
    seconds += *offset;
  }
  const chrono::sys_seconds instant{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(instant);
  return Local{day, chrono::year_month_day(day), chrono::hh_mm_ss(instant - day)};
}

// A part of a timestamp; `read` takes a Local.
template <typename Read>
Value part(const Call& call, Read read) {
  if (!call.takes(Kind::kTimestamp) && !call.takes(Kind::kTimestamp, Kind::kString)) return call.no_overload();
  const auto when = local(call);
  if (!when) return call.error(fmt::format("unknown time zone: {}", call.args[1].text().substr(0, 100)));
  return Value::integer(read(*when));
}

// A part of a timestamp, or a duration in whole units of that many nanoseconds.
template <typename Read>
Value part_or_total(const Call& call, std::int64_t unit, Read read) {
  if (call.takes(Kind::kDuration)) return Value::integer(call.args[0].as_int() / unit);
  return part(call, read);
}

std::int64_t day_of_month(const Local& when) {
  return static_cast<unsigned>(when.date.day());
}

Value get_full_year(const Call& call) {
  return part(call, [](const Local& when) { return static_cast<int>(when.date.year()); });
}
Value get_month(const Call& call) {
  return part(
      call, [](const Local& when) { return static_cast<std::int64_t>(static_cast<unsigned>(when.date.month())) - 1; });
}
Value get_date(const Call& call) {
  return part(call, day_of_month);
}
Value get_day_of_month(const Call& call) {
  return part(call, [](const Local& when) { return day_of_month(when) - 1; });
}
Value get_day_of_week(const Call& call) {
  return part(call, [](const Local& when) { return chrono::weekday(when.day).c_encoding(); });
}
Value get_day_of_year(const Call& call) {
  return part(call, [](const Local& when) { return (when.day - chrono::sys_days(when.date.year() / 1 / 1)).count(); });
}
Value get_hours(const Call& call) {
  return part_or_total(call, 3'600'000'000'000, [](const Local& when) { return when.clock.hours().count(); });
}
Value get_minutes(const Call& call) {
  return part_or_total(call, 60'000'000'000, [](const Local& when) { return when.clock.minutes().count(); });
}
Value get_seconds(const Call& call) {
  return part_or_total(call, 1'000'000'000, [](const Local& when) { return when.clock.seconds().count(); });
}
// Unlike the others, of a duration too the part within a second, as the standard's own case has it.
Value get_milliseconds(const Call& call) {
  if (call.takes(Kind::kDuration)) return Value::integer(call.args[0].as_int() / 1'000'000 % 1'000);
  return part(call, [&](const Local&) { return call.args[0].as_timestamp().nanos / 1'000'000; });
}

constexpr Function kFunctions[]{
    {"timestamp", Style::kGlobal, 1, 1, timestamp},
    {"duration", Style::kGlobal, 1, 1, duration},
    {"getFullYear", Style::kMember, 1, 2, get_full_year},
    {"getMonth", Style::kMember, 1, 2, get_month},
    {"getDate", Style::kMember, 1, 2, get_date},
    {"getDayOfMonth", Style::kMember, 1, 2, get_day_of_month},
    {"getDayOfWeek", Style::kMember, 1, 2, get_day_of_week},
    {"getDayOfYear", Style::kMember, 1, 2, get_day_of_year},
    {"getHours", Style::kMember, 1, 2, get_hours},
    {"getMinutes", Style::kMember, 1, 2, get_minutes},
    {"getSeconds", Style::kMember, 1, 2, get_seconds},
    {"getMilliseconds", Style::kMember, 1, 2, get_milliseconds},
};

}  // namespace

std::span<const Function> time_functions() {
  return kFunctions;
}

}  // namespace sluice::cel
