// Conversions between types, type(), dyn() and size().
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/flow/cel/functions.h"
#include "core/flow/cel/literals.h"
#include "core/flow/cel/times.h"
#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

std::string_view shown(std::string_view text) {
  return text.substr(0, byte_of(text, 60));
}

template <typename Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Integer value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.starts_with("+-") || text.empty() || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

Value to_int(const Call& call) {
  const Value& from = call.args[0];
  switch (from.kind()) {
    case Kind::kInt:
      return from;
    case Kind::kUint:
      if (from.as_uint() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return Value::integer(static_cast<std::int64_t>(from.as_uint()));
      }
      return call.error(fmt::format("range error: {} is no int", from.as_uint()));
    case Kind::kDouble:
      if (from.as_double() > -kTwoTo63 && from.as_double() < kTwoTo63)
        return Value::integer(static_cast<std::int64_t>(from.as_double()));
      return call.error(fmt::format("range error: {} is no int", from.as_double()));
    case Kind::kTimestamp:
      return Value::integer(from.as_timestamp().seconds);
    case Kind::kString:
      if (const auto value = parse_integer<std::int64_t>(from.text())) return Value::integer(*value);
      return call.error(fmt::format("'{}' is no int", shown(from.text())));
    default:
      return call.no_overload();
  }
}

Value to_uint(const Call& call) {
  const Value& from = call.args[0];
  switch (from.kind()) {
    case Kind::kUint:
      return from;
    case Kind::kInt:
      if (from.as_int() >= 0) return Value::unsigned_integer(static_cast<std::uint64_t>(from.as_int()));
      return call.error(fmt::format("range error: {} is no uint", from.as_int()));
    case Kind::kDouble:
      if (from.as_double() > -1 && from.as_double() < kTwoTo64) {
        return Value::unsigned_integer(static_cast<std::uint64_t>(std::trunc(from.as_double()) + 0.0));
      }
      return call.error(fmt::format("range error: {} is no uint", from.as_double()));
    case Kind::kString:
      if (const auto value = parse_integer<std::uint64_t>(from.text())) return Value::unsigned_integer(*value);
      return call.error(fmt::format("'{}' is no uint", shown(from.text())));
    default:
      return call.no_overload();
  }
}

Value to_double(const Call& call) {
  const Value& from = call.args[0];
  if (from.is_number()) return Value::real(from.number());
  if (!from.is(Kind::kString)) return call.no_overload();
  const auto value = parse_double(from.text());
  return value ? Value::real(*value) : call.error(fmt::format("'{}' is no double", shown(from.text())));
}

Value to_string(const Call& call) {
  const Value& from = call.args[0];
  const auto made = [&](std::string_view text) { return Value::string(call.work.keep(text)); };
  switch (from.kind()) {
    case Kind::kString:
      return from;
    case Kind::kBool:
      return Value::string(from.as_bool() ? "true" : "false");
    case Kind::kInt:
      return made(fmt::format("{}", from.as_int()));
    case Kind::kUint:
      return made(fmt::format("{}", from.as_uint()));
    case Kind::kDouble:
      return made(double_to_text(from.as_double()));
    case Kind::kTimestamp:
      return made(to_text(from.as_timestamp()));
    case Kind::kDuration:
      return made(duration_to_text(from.as_int()));
    case Kind::kBytes:
      call.work.charge_text(from.text().size());
      return is_utf8(from.text()) ? Value::string(from.text())
                                  : call.error("invalid UTF-8 in bytes, cannot convert to string");
    default:
      return call.no_overload();
  }
}

Value to_bytes(const Call& call) {
  const Value& from = call.args[0];
  if (from.is(Kind::kBytes)) return from;
  return from.is(Kind::kString) ? Value::bytes(from.text()) : call.no_overload();
}

Value to_bool(const Call& call) {
  const Value& from = call.args[0];
  if (from.is(Kind::kBool)) return from;
  if (!from.is(Kind::kString)) return call.no_overload();
  for (const std::string_view text : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (from.text() == text) return Value::boolean(true);
  }
  for (const std::string_view text : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (from.text() == text) return Value::boolean(false);
  }
  return call.error(fmt::format("type conversion error: '{}' is no bool", shown(from.text())));
}

Value type(const Call& call) {
  return Value::type(type_name(call.args[0].kind()));
}

Value dyn(const Call& call) {
  return call.args[0];
}

Value size(const Call& call) {
  const Value& of = call.args[0];
  switch (of.kind()) {
    case Kind::kString:
      call.work.charge_text(of.text().size());
      return Value::integer(static_cast<std::int64_t>(count_code_points(of.text())));
    case Kind::kBytes:
      return Value::integer(static_cast<std::int64_t>(of.text().size()));
    case Kind::kList:
    case Kind::kMap:
      return Value::integer(static_cast<std::int64_t>(of.size()));
    default:
      return call.no_overload();
  }
}

constexpr Function kFunctions[]{
    {"int", Style::kGlobal, 1, 1, to_int},       {"uint", Style::kGlobal, 1, 1, to_uint},
    {"double", Style::kGlobal, 1, 1, to_double}, {"string", Style::kGlobal, 1, 1, to_string},
    {"bytes", Style::kGlobal, 1, 1, to_bytes},   {"bool", Style::kGlobal, 1, 1, to_bool},
    {"type", Style::kGlobal, 1, 1, type},        {"dyn", Style::kGlobal, 1, 1, dyn},
    {"size", Style::kGlobal, 1, 1, size},        {"size", Style::kMember, 1, 1, size},
};

}  // namespace

std::span<const Function> conversion_functions() {
  return kFunctions;
}

std::string double_to_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

}  // namespace sluice::cel
