#include "core/pg/params.h"

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstring>

namespace sluice::pg {
namespace {

constexpr char kJsonbVersion = 1;
constexpr int kBinary = 1;

// PostgreSQL counts microseconds from 2000-01-01.
constexpr Timestamp kPgEpoch = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);

template <std::unsigned_integral T>
std::array<char, sizeof(T)> big_endian(T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return std::bit_cast<std::array<char, sizeof(T)>>(value);
}
template <std::unsigned_integral T>
void append_big_endian(std::string& bytes, T value) {
  const auto encoded = big_endian(value);
  bytes.append(encoded.data(), encoded.size());
}
void overwrite_big_endian(std::string& bytes, std::size_t at, std::uint32_t value) {
  const auto encoded = big_endian(value);
  std::memcpy(bytes.data() + at, encoded.data(), encoded.size());
}

void append(std::string& bytes, Type /*type*/, bool value) {
  bytes.push_back(value ? '\1' : '\0');
}
void append(std::string& bytes, Type /*type*/, std::int32_t value) {
  append_big_endian(bytes, static_cast<std::uint32_t>(value));
}
void append(std::string& bytes, Type /*type*/, std::int64_t value) {
  append_big_endian(bytes, static_cast<std::uint64_t>(value));
}
void append(std::string& bytes, Type /*type*/, double value) {
  append_big_endian(bytes, std::bit_cast<std::uint64_t>(value));
}
void append(std::string& bytes, Type /*type*/, const Uuid& value) {
  bytes.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}
void append(std::string& bytes, Type type, Timestamp value) {
  append(bytes, type, static_cast<std::int64_t>((value - kPgEpoch).count()));
}
void append(std::string& bytes, Type type, std::string_view value) {
  if (type == Type::kJsonb) bytes.push_back(kJsonbVersion);
  bytes.append(value);
}

unsigned array_type_of(Type element) {
  switch (element) {
    case Type::kBool:
      return 1000;
    case Type::kBytea:
      return 1001;
    case Type::kInt4:
      return 1007;
    case Type::kText:
      return 1009;
    case Type::kInt8:
      return 1016;
    case Type::kFloat8:
      return 1022;
    case Type::kTimestamptz:
      return 1185;
    case Type::kUuid:
      return 2951;
    case Type::kJsonb:
      return 3807;
  }
  return 0;
}

// Offsets in an array's head: dimensions, has-nulls flag, element type, then length and lower bound of the one
// dimension.
constexpr std::size_t kHasNullsAt = 4;
constexpr std::size_t kLengthAt = 12;

}  // namespace

template <typename T>
Params& Params::scalar(Type type, const std::optional<T>& value) {
  if (!value) return null(type);
  const std::size_t start = bytes_.size();
  append(bytes_, type, *value);
  types_.push_back(static_cast<unsigned>(type));
  values_.push_back({start, bytes_.size() - start, false});
  return *this;
}

Params& Params::null(Type type) {
  types_.push_back(static_cast<unsigned>(type));
  values_.push_back({0, 0, true});
  return *this;
}

Params& Params::boolean(std::optional<bool> value) {
  return scalar(Type::kBool, value);
}
Params& Params::int4(std::optional<std::int32_t> value) {
  return scalar(Type::kInt4, value);
}
Params& Params::int8(std::optional<std::int64_t> value) {
  return scalar(Type::kInt8, value);
}
Params& Params::float8(std::optional<double> value) {
  return scalar(Type::kFloat8, value);
}
Params& Params::text(std::optional<std::string_view> value) {
  return scalar(Type::kText, value);
}
Params& Params::bytea(std::optional<std::string_view> value) {
  return scalar(Type::kBytea, value);
}
Params& Params::uuid(const std::optional<Uuid>& value) {
  return scalar(Type::kUuid, value);
}
Params& Params::timestamptz(std::optional<Timestamp> value) {
  return scalar(Type::kTimestamptz, value);
}
Params& Params::jsonb(const Json& value) {
  return jsonb_text(to_text(value));
}
Params& Params::jsonb_text(std::optional<std::string_view> json) {
  return scalar(Type::kJsonb, json);
}

void Params::begin_array(Type element) {
  array_start_ = bytes_.size();
  array_elements_ = 0;
  array_has_nulls_ = false;
  types_.push_back(array_type_of(element));
  append_big_endian(bytes_, std::uint32_t{1});
  append_big_endian(bytes_, std::uint32_t{0});
  append_big_endian(bytes_, static_cast<std::uint32_t>(element));
  append_big_endian(bytes_, std::uint32_t{0});
  append_big_endian(bytes_, std::uint32_t{1});
}

template <typename T>
void Params::add_element(Type type, const T& value) {
  const std::size_t length_at = bytes_.size();
  append_big_endian(bytes_, std::uint32_t{0});
  append(bytes_, type, value);
  overwrite_big_endian(bytes_, length_at,
                       static_cast<std::uint32_t>(bytes_.size() - length_at - sizeof(std::uint32_t)));
  ++array_elements_;
}

template void Params::add_element(Type, const bool&);
template void Params::add_element(Type, const std::int32_t&);
template void Params::add_element(Type, const std::int64_t&);
template void Params::add_element(Type, const double&);
template void Params::add_element(Type, const std::string_view&);
template void Params::add_element(Type, const Uuid&);
template void Params::add_element(Type, const Timestamp&);

void Params::add_null_element() {
  append_big_endian(bytes_, ~std::uint32_t{0});
  array_has_nulls_ = true;
  ++array_elements_;
}

Params& Params::end_array() {
  overwrite_big_endian(bytes_, array_start_ + kLengthAt, array_elements_);
  if (array_has_nulls_) overwrite_big_endian(bytes_, array_start_ + kHasNullsAt, 1);
  values_.push_back({array_start_, bytes_.size() - array_start_, false});
  return *this;
}

Params::Arrays Params::arrays() const {
  Arrays arrays;
  arrays.values.reserve(size());
  arrays.lengths.reserve(size());
  for (const Value& value : values_) {
    arrays.values.push_back(value.null ? nullptr : bytes_.data() + value.offset);
    arrays.lengths.push_back(static_cast<int>(value.length));
  }
  arrays.formats.assign(size(), kBinary);
  return arrays;
}

}  // namespace sluice::pg
