// The math extension.
#include <fmt/format.h>

#include <cmath>

#include "core/flow/cel/functions.h"

namespace sluice::cel {
namespace {

// The extreme of the arguments, or of the one list; the first of several that are equal.
template <typename Better>
Value extreme(const Call& call, Better better) {
  const bool is_list = call.takes(Kind::kList);
  const std::size_t size = is_list ? call.args[0].size() : call.args.size();
  if (size == 0) return call.error(fmt::format("{}() of an empty list", call.node.text));
  Value best = Value::null();
  for (std::size_t i = 0; i < size; ++i) {
    call.work.charge(1);
    const Value next = is_list ? call.args[0].item(i) : call.args[i];
    if (!next.is_number())
      return call.error(fmt::format("no such overload: {}() with {}", call.node.text, type_name(next.kind())));
    if (i == 0 || better(*order(next, best))) best = next;
  }
  return best;
}

Value greatest(const Call& call) {
  return extreme(call, [](auto order) { return order > 0; });
}
Value least(const Call& call) {
  return extreme(call, [](auto order) { return order < 0; });
}

template <double (*Round)(double)>
Value rounded(const Call& call) {
  return call.takes(Kind::kDouble) ? Value::real(Round(call.args[0].as_double())) : call.no_overload();
}

Value square_root(const Call& call) {
  return call.args[0].is_number() ? Value::real(std::sqrt(call.args[0].number())) : call.no_overload();
}

Value absolute(const Call& call) {
  const Value& of = call.args[0];
  if (of.is(Kind::kUint)) return of;
  if (of.is(Kind::kDouble)) return Value::real(std::fabs(of.as_double()));
  if (!of.is(Kind::kInt)) return call.no_overload();
  if (of.as_int() == std::numeric_limits<std::int64_t>::min())
    return call.error("integer overflow: the least int has no opposite");
  return Value::integer(of.as_int() < 0 ? -of.as_int() : of.as_int());
}

Value sign(const Call& call) {
  const Value& of = call.args[0];
  if (of.is(Kind::kUint)) return Value::unsigned_integer(of.as_uint() > 0 ? 1 : 0);
  if (of.is(Kind::kInt)) return Value::integer(of.as_int() > 0 ? 1 : of.as_int() < 0 ? -1 : 0);
  if (!of.is(Kind::kDouble)) return call.no_overload();
  const double value = of.as_double();
  return Value::real(value > 0 ? 1.0 : value < 0 ? -1.0 : value);  // zeros and NaN as they are
}

template <bool (*Test)(double)>
Value tested(const Call& call) {
  return call.takes(Kind::kDouble) ? Value::boolean(Test(call.args[0].as_double())) : call.no_overload();
}
bool is_nan(double value) {
  return std::isnan(value);
}
bool is_infinite(double value) {
  return std::isinf(value);
}
bool is_finite(double value) {
  return std::isfinite(value);
}

std::uint64_t bits_of(const Value& value) {
  return value.is(Kind::kInt) ? static_cast<std::uint64_t>(value.as_int()) : value.as_uint();
}
Value from_bits(std::uint64_t bits, Kind kind) {
  return kind == Kind::kInt ? Value::integer(static_cast<std::int64_t>(bits)) : Value::unsigned_integer(bits);
}

template <typename Combine>
Value bitwise(const Call& call, Combine combine) {
  if (!call.takes(Kind::kInt, Kind::kInt) && !call.takes(Kind::kUint, Kind::kUint)) return call.no_overload();
  return from_bits(combine(bits_of(call.args[0]), bits_of(call.args[1])), call.args[0].kind());
}
Value bit_and(const Call& call) {
  return bitwise(call, [](auto a, auto b) { return a & b; });
}
Value bit_or(const Call& call) {
  return bitwise(call, [](auto a, auto b) { return a | b; });
}
Value bit_xor(const Call& call) {
  return bitwise(call, [](auto a, auto b) { return a ^ b; });
}

Value bit_not(const Call& call) {
  if (!call.takes(Kind::kInt) && !call.takes(Kind::kUint)) return call.no_overload();
  return from_bits(~bits_of(call.args[0]), call.args[0].kind());
}

// Shifts fill with zeros, signed numbers too; 64 places and more leave nothing.
template <typename Shift>
Value shifted_bits(const Call& call, Shift shift) {
  if (!call.takes(Kind::kInt, Kind::kInt) && !call.takes(Kind::kUint, Kind::kInt)) return call.no_overload();
  const std::int64_t places = call.args[1].as_int();
  if (places < 0) return call.error(fmt::format("{}() by a negative number: {}", call.node.text, places));
  return from_bits(places > 63 ? 0 : shift(bits_of(call.args[0]), places), call.args[0].kind());
}
Value shift_left(const Call& call) {
  return shifted_bits(call, [](auto bits, auto places) { return bits << places; });
}
Value shift_right(const Call& call) {
  return shifted_bits(call, [](auto bits, auto places) { return bits >> places; });
}

constexpr std::uint8_t kMany = 255;

constexpr Function kFunctions[]{
    {"math.greatest", Style::kGlobal, 1, kMany, greatest},
    {"math.least", Style::kGlobal, 1, kMany, least},
    {"math.ceil", Style::kGlobal, 1, 1, rounded<std::ceil>},
    {"math.floor", Style::kGlobal, 1, 1, rounded<std::floor>},
    {"math.round", Style::kGlobal, 1, 1, rounded<std::round>},
    {"math.trunc", Style::kGlobal, 1, 1, rounded<std::trunc>},
    {"math.sqrt", Style::kGlobal, 1, 1, square_root},
    {"math.abs", Style::kGlobal, 1, 1, absolute},
    {"math.sign", Style::kGlobal, 1, 1, sign},
    {"math.isNaN", Style::kGlobal, 1, 1, tested<is_nan>},
    {"math.isInf", Style::kGlobal, 1, 1, tested<is_infinite>},
    {"math.isFinite", Style::kGlobal, 1, 1, tested<is_finite>},
    {"math.bitAnd", Style::kGlobal, 2, 2, bit_and},
    {"math.bitOr", Style::kGlobal, 2, 2, bit_or},
    {"math.bitXor", Style::kGlobal, 2, 2, bit_xor},
    {"math.bitNot", Style::kGlobal, 1, 1, bit_not},
    {"math.bitShiftLeft", Style::kGlobal, 2, 2, shift_left},
    {"math.bitShiftRight", Style::kGlobal, 2, 2, shift_right},
};

}  // namespace

std::span<const Function> math_functions() {
  return kFunctions;
}

}  // namespace sluice::cel
