// CEL values: 24 bytes, trivially copied, referring to text, lists and maps that live elsewhere (the program, the
// context, or the Work of the evaluation). JSON is wrapped, not converted: a member becomes a Value when it is looked
// at.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/flow/cel/work.h"

namespace sluice::cel {

enum class Kind : std::uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType
};

struct Timestamp {
  std::int64_t seconds;  // since 1970-01-01T00:00:00Z
  std::int32_t nanos;    // 0 … 999,999,999

  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

struct Failure {
  std::string_view message;
  std::uint32_t offset;
};

class Value;
struct Entry;

// A map's entries in the order they were made, with an index once there are many.
struct MapData {
  std::span<const Entry> entries;
  std::span<const std::uint32_t> index;  // open addressing, 0 is empty, else entry number + 1; empty for small maps
};

// Uninitialised until assigned, so that arrays of it cost nothing.
class Value {
 public:
  Value() = default;

  static Value null() { return Value(Kind::kNull); }
  static Value boolean(bool value) {
    return with(Kind::kBool, [&](Value& v) { v.bool_ = value; });
  }
  static Value integer(std::int64_t value) {
    return with(Kind::kInt, [&](Value& v) { v.int_ = value; });
  }
  static Value unsigned_integer(std::uint64_t value) {
    return with(Kind::kUint, [&](Value& v) { v.uint_ = value; });
  }
  static Value real(double value) {
    return with(Kind::kDouble, [&](Value& v) { v.double_ = value; });
  }
  static Value string(std::string_view text) {
    return with(Kind::kString, [&](Value& v) { v.set_text(text); });
  }
  static Value bytes(std::string_view text) {
    return with(Kind::kBytes, [&](Value& v) { v.set_text(text); });
  }
  static Value type(std::string_view name) {
    return with(Kind::kType, [&](Value& v) { v.set_text(name); });
  }
  static Value duration(std::int64_t nanos) {
    return with(Kind::kDuration, [&](Value& v) { v.int_ = nanos; });
  }
  static Value timestamp(Timestamp time) {
    return with(Kind::kTimestamp, [&](Value& v) { v.int_ = time.seconds, v.nanos_ = time.nanos; });
  }
  static Value list(std::span<const Value> items) {
    return with(Kind::kList, [&](Value& v) { v.items_ = {items.data(), items.size()}; });
  }
  static Value map(const MapData* data) {
    return with(Kind::kMap, [&](Value& v) { v.map_ = data; });
  }
  static Value error(const Failure* failure) {
    return with(Kind::kError, [&](Value& v) { v.failure_ = failure; });
  }
  static Value from_json(const Json& json);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
  [[nodiscard]] bool is_error() const { return kind_ == Kind::kError; }
  [[nodiscard]] bool is_number() const { return is(Kind::kInt) || is(Kind::kUint) || is(Kind::kDouble); }
  [[nodiscard]] bool is_true() const { return is(Kind::kBool) && bool_; }
  [[nodiscard]] bool is_false() const { return is(Kind::kBool) && !bool_; }

  // Each is for values of that kind only.
  [[nodiscard]] bool as_bool() const { return bool_; }
  [[nodiscard]] std::int64_t as_int() const { return int_; }  // also a duration's nanoseconds
  [[nodiscard]] std::uint64_t as_uint() const { return uint_; }
  [[nodiscard]] double as_double() const { return double_; }
  [[nodiscard]] std::string_view text() const { return {text_.data, text_.size}; }  // string, bytes, type
  [[nodiscard]] Timestamp as_timestamp() const { return {int_, nanos_}; }
  [[nodiscard]] const Failure& failure() const { return *failure_; }

  [[nodiscard]] double number() const;  // any of the three numeric kinds, rounded to double

  // Lists and maps, wrapped JSON or not.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Value item(std::size_t at) const;
  [[nodiscard]] Entry entry(std::size_t at) const;

 private:
  friend std::optional<Value> find(Work& work, const Value& map, const Value& key);

  explicit Value(Kind kind) : kind_(kind) {}
  template <typename Set>
  static Value with(Kind kind, Set set) {
    Value value(kind);
    set(value);
    return value;
  }
  void set_text(std::string_view text) { text_ = {text.data(), text.size()}; }

  Kind kind_;
  bool json_ = false;       // of a list or map: json_value_ is set
  std::int32_t nanos_ = 0;  // of a timestamp
  struct Text {
    const char* data;
    std::size_t size;
  };
  struct Items {
    const Value* data;
    std::size_t size;
  };
  union {
    bool bool_;
    std::int64_t int_;
    std::uint64_t uint_;
    double double_;
    Text text_;
    Items items_;
    const MapData* map_;
    const Json* json_value_;
    const Failure* failure_;
  };
};

struct Entry {
  Value key;
  Value value;
};

inline constexpr std::string_view kTimestampType = "google.protobuf.Timestamp";
inline constexpr std::string_view kDurationType = "google.protobuf.Duration";

// The name that type() gives: int, string, null_type, google.protobuf.Timestamp …
[[nodiscard]] std::string_view type_name(Kind kind);

// The value of that key, numbers by value whatever their type. Keys that cannot be keys are not found.
[[nodiscard]] std::optional<Value> find(Work& work, const Value& map, const Value& key);

// A map of these entries, whose keys must be int, uint, bool or string and differ; else the error's message.
[[nodiscard]] std::expected<Value, std::string_view> make_map(Work& work, std::span<const Entry> entries);

// The standard's equality: numbers across types by value, lists and maps by content, other kinds never equal each
// other.
[[nodiscard]] bool equal(Work& work, const Value& left, const Value& right, int depth = 0);

// The order of two numbers or two values of one ordered kind; unordered with NaN; nullopt: no such overload.
[[nodiscard]] std::optional<std::partial_ordering> order(const Value& left, const Value& right);

// An error value at a byte of the expression.
[[nodiscard]] Value fail(Work& work, std::uint32_t offset, std::string_view message);

}  // namespace sluice::cel
