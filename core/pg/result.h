// The rows of one statement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "core/base/uuid.h"

struct pg_result;

namespace sluice::pg {

class Result;

// A column, by index from 0 or by name.
class Column {
 public:
  Column(int index) : index_(index) {}
  Column(std::string_view name) : name_(name) {}
  Column(const char* name) : name_(name) {}

 private:
  friend class Row;
  int index_ = -1;
  std::string_view name_;
};

// One row; lives no longer than its Result.
class Row {
 public:
  // The value as T: bool, std::int32_t, std::int64_t, double, std::string_view (the value's text, whatever its type;
  // lives as long as the Result), std::string, Uuid, Timestamp, Json (json, jsonb), std::vector<std::string> (text[]
  // without nulls), or an std::optional of one of these, which alone may be null. Throws Error naming the column when
  // it is absent, null or no T.
  template <typename T>
  [[nodiscard]] T get(Column column) const;

  [[nodiscard]] bool is_null(Column column) const;
  [[nodiscard]] std::string_view text(Column column) const { return get<std::string_view>(column); }
  [[nodiscard]] std::string bytes(Column column) const;  // of a bytea

 private:
  friend class Result;
  Row(const Result& result, int row) : result_(&result), row_(row) {}
  [[nodiscard]] int index(Column column) const;
  [[nodiscard]] std::optional<std::string_view> raw(Column column) const;
  [[nodiscard]] std::string name(Column column) const;
  [[noreturn]] void throw_null(Column column) const;
  template <typename T>
  [[nodiscard]] T decode(Column column, std::string_view raw) const;

  const Result* result_;
  int row_;
};

// Values travel as text, so any type can be read.
class Result {
 public:
  Result() = default;  // no rows, no columns
  explicit Result(pg_result* owned);

  [[nodiscard]] int rows() const noexcept;
  [[nodiscard]] int columns() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return rows() == 0; }
  [[nodiscard]] Row operator[](int row) const;  // throws Error beyond the last
  [[nodiscard]] Row one() const;                // throws Error unless there is exactly one row

  // Rows that an INSERT, UPDATE, DELETE, MERGE or SELECT says it worked on; 0 for other commands.
  [[nodiscard]] std::int64_t affected() const;

  class Iterator {
   public:
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Result& result, int row) : result_(&result), row_(row) {}
    Row operator*() const { return (*result_)[row_]; }
    Iterator& operator++() {
      ++row_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++row_;
      return before;
    }
    bool operator==(const Iterator& other) const { return row_ == other.row_; }

   private:
    const Result* result_ = nullptr;
    int row_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, rows()}; }

 private:
  friend class Row;
  friend class Connection;
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

template <>
std::string_view Row::decode(Column column, std::string_view raw) const;
template <>
std::string Row::decode(Column column, std::string_view raw) const;
template <>
bool Row::decode(Column column, std::string_view raw) const;
template <>
std::int32_t Row::decode(Column column, std::string_view raw) const;
template <>
std::int64_t Row::decode(Column column, std::string_view raw) const;
template <>
double Row::decode(Column column, std::string_view raw) const;
template <>
Uuid Row::decode(Column column, std::string_view raw) const;
template <>
Timestamp Row::decode(Column column, std::string_view raw) const;
template <>
Json Row::decode(Column column, std::string_view raw) const;
template <>
std::vector<std::string> Row::decode(Column column, std::string_view raw) const;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
T Row::get(Column column) const {
  const std::optional<std::string_view> value = raw(column);
  if constexpr (IsOptional<T>::value) {
    if (!value) return std::nullopt;
    return decode<typename T::value_type>(column, *value);
  } else {
    if (!value) throw_null(column);
    return decode<T>(column, *value);
  }
}

}  // namespace sluice::pg
