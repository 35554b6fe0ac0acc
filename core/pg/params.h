// The values of a statement's parameters $1, $2, …, typed and in binary. Values are copied in.
#pragma once

#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "core/base/uuid.h"

namespace sluice::pg {

// The types that parameters may have, by their pg_type oid.
enum class Type : unsigned {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt4 = 23,
  kText = 25,
  kFloat8 = 701,
  kTimestamptz = 1184,
  kUuid = 2950,
  kJsonb = 3802,
};

// Each call adds the next parameter and returns the builder: Params().int8(id).text(name). An empty optional is null,
// and so is null(type): a parameter keeps its type whatever its value. Other SQL types are reached by a cast of text in
// the statement
// ($1::text::pg_snapshot, $2::text::interval).
class Params {
 public:
  Params& boolean(std::optional<bool> value);
  Params& int4(std::optional<std::int32_t> value);
  Params& int8(std::optional<std::int64_t> value);
  Params& float8(std::optional<double> value);
  Params& text(std::optional<std::string_view> value);  // UTF-8 without NUL, else the server refuses it
  Params& bytea(std::optional<std::string_view> value);
  Params& uuid(const std::optional<Uuid>& value);
  Params& timestamptz(std::optional<Timestamp> value);
  Params& jsonb(const Json& value);  // JSON null is jsonb 'null', not SQL null
  Params& jsonb_text(std::optional<std::string_view> json);
  Params& null(Type type);

  // One-dimensional arrays, sent in binary. The range's elements are values as above or optionals of them.
  template <std::ranges::input_range Range>
  Params& boolean_array(const Range& values) {
    return array<bool>(Type::kBool, values);
  }
  template <std::ranges::input_range Range>
  Params& int4_array(const Range& values) {
    return array<std::int32_t>(Type::kInt4, values);
  }
  template <std::ranges::input_range Range>
  Params& int8_array(const Range& values) {
    return array<std::int64_t>(Type::kInt8, values);
  }
  template <std::ranges::input_range Range>
  Params& float8_array(const Range& values) {
    return array<double>(Type::kFloat8, values);
  }
  template <std::ranges::input_range Range>
  Params& text_array(const Range& values) {
    return array<std::string_view>(Type::kText, values);
  }
  template <std::ranges::input_range Range>
  Params& bytea_array(const Range& values) {
    return array<std::string_view>(Type::kBytea, values);
  }
  template <std::ranges::input_range Range>
  Params& uuid_array(const Range& values) {
    return array<Uuid>(Type::kUuid, values);
  }
  template <std::ranges::input_range Range>
  Params& timestamptz_array(const Range& values) {
    return array<Timestamp>(Type::kTimestamptz, values);
  }
  template <std::ranges::input_range Range>
  Params& jsonb_text_array(const Range& texts) {
    return array<std::string_view>(Type::kJsonb, texts);
  }

  [[nodiscard]] std::size_t size() const noexcept { return types_.size(); }

  // As libpq's functions take them; valid until the next call of a member that adds.
  struct Arrays {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  [[nodiscard]] Arrays arrays() const;
  [[nodiscard]] const std::vector<unsigned>& types() const noexcept { return types_; }

 private:
  struct Value {
    std::size_t offset;
    std::size_t length;
    bool null;
  };

  template <typename T, typename Range>
  Params& array(Type type, const Range& values) {
    begin_array(type);
    for (const auto& element : values) {
      if constexpr (requires { element.has_value(); }) {
        if (element.has_value()) {
          add_element(type, static_cast<T>(*element));
        } else {
          add_null_element();
        }
      } else {
        add_element(type, static_cast<T>(element));
      }
    }
    return end_array();
  }

  template <typename T>
  Params& scalar(Type type, const std::optional<T>& value);
  void begin_array(Type element);
  template <typename T>
  void add_element(Type type, const T& value);
  void add_null_element();
  Params& end_array();

  std::string bytes_;  // all values, one after another
  std::vector<Value> values_;
  std::vector<unsigned> types_;
  std::size_t array_start_ = 0;
  std::uint32_t array_elements_ = 0;
  bool array_has_nulls_ = false;
};

}  // namespace sluice::pg
