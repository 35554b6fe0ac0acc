#include "core/pg/result.h"

#include <libpq-fe.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/errors.h"

namespace sluice::pg {
namespace {

// The elements of a one-dimensional array's text, {a,"b c",NULL}; nothing when it is no such array or has a null.
std::optional<std::vector<std::string>> parse_text_array(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> elements;
  while (!text.empty()) {
    std::string element;
    const bool quoted = text.front() == '"';
    std::size_t at = quoted ? 1 : 0;
    for (; at < text.size() && text[at] != (quoted ? '"' : ','); ++at) {
      if (!quoted && (text[at] == '{' || text[at] == '}')) return std::nullopt;
      if (text[at] == '\\') ++at;
      if (at == text.size()) return std::nullopt;
      element.push_back(text[at]);
    }
    if (quoted && ++at > text.size()) return std::nullopt;
    if (!quoted && element == "NULL") return std::nullopt;
    elements.push_back(std::move(element));
    if (at == text.size()) break;
    if (text[at] != ',' || at + 1 == text.size()) return std::nullopt;
    text.remove_prefix(at + 1);
  }
  return elements;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
T value_or_throw(std::optional<T> value, const std::string& column, const char* type, std::string_view raw) {
  if (value) return std::move(*value);
  constexpr std::size_t kShown = 60;
  throw Error("column " + column + " is no " + type + ": '" + std::string(raw.substr(0, kShown)) + "'");
}

}  // namespace

void Result::Clear::operator()(pg_result* result) const noexcept {
  PQclear(result);
}

Result::Result(pg_result* owned) : result_(owned) {}

int Result::rows() const noexcept {
  return PQntuples(result_.get());
}
int Result::columns() const noexcept {
  return PQnfields(result_.get());
}

Row Result::operator[](int row) const {
  if (row < 0 || row >= rows()) throw Error("row " + std::to_string(row) + " of a result of " + std::to_string(rows()));
  return Row(*this, row);
}

Row Result::one() const {
  if (rows() != 1) throw Error("a result has " + std::to_string(rows()) + " rows where exactly one was expected");
  return Row(*this, 0);
}

std::int64_t Result::affected() const {
  if (!result_) return 0;
  return parse_number<std::int64_t>(PQcmdTuples(result_.get())).value_or(0);
}

int Row::index(Column column) const {
  const pg_result* result = result_->result_.get();
  const int columns = PQnfields(result);
  if (column.index_ >= 0 && column.index_ < columns) return column.index_;
  for (int i = 0; column.index_ < 0 && i < columns; ++i) {
    if (column.name_ == PQfname(result, i)) return i;
  }
  throw Error("a result has no column " + name(column));
}

std::optional<std::string_view> Row::raw(Column column) const {
  const pg_result* result = result_->result_.get();
  const int at = index(column);
  if (PQgetisnull(result, row_, at) != 0) return std::nullopt;
  return std::string_view(PQgetvalue(result, row_, at), static_cast<std::size_t>(PQgetlength(result, row_, at)));
}

std::string Row::name(Column column) const {
  if (column.index_ < 0) return std::string(column.name_);
  const char* known = PQfname(result_->result_.get(), column.index_);
  return known != nullptr ? known : std::to_string(column.index_);
}

void Row::throw_null(Column column) const {
  throw Error("column " + name(column) + " is null");
}

bool Row::is_null(Column column) const {
  return !raw(column);
}

std::string Row::bytes(Column column) const {
  const auto text = raw(column);
  if (!text) throw_null(column);
  std::size_t size = 0;
  const std::unique_ptr<unsigned char, decltype(&PQfreemem)> bytes(
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(text->data()), &size), &PQfreemem);
  if (!bytes) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(bytes.get()), size};
}

template <>
std::string_view Row::decode(Column /*column*/, std::string_view raw) const {
  return raw;
}
template <>
std::string Row::decode(Column /*column*/, std::string_view raw) const {
  return std::string(raw);
}
template <>
bool Row::decode(Column column, std::string_view raw) const {
  if (raw == "t") return true;
  return value_or_throw(raw == "f" ? std::optional(false) : std::nullopt, name(column), "boolean", raw);
}
template <>
std::int32_t Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(parse_number<std::int32_t>(raw), name(column), "int4", raw);
}
template <>
std::int64_t Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(parse_number<std::int64_t>(raw), name(column), "int8", raw);
}
template <>
double Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(parse_number<double>(raw), name(column), "number", raw);  // Infinity and NaN are read too
}
template <>
Uuid Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(Uuid::parse(raw), name(column), "uuid", raw);
}
template <>
Timestamp Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(parse_rfc3339(raw), name(column), "timestamptz", raw);
}
template <>
Json Row::decode(Column column, std::string_view raw) const {
  constexpr JsonLimits kStored{.max_bytes = std::numeric_limits<std::size_t>::max(), .max_depth = 10'000};
  auto value = parse_json(raw, kStored);
  if (!value) throw Error("column " + name(column) + " is no json: " + value.error().message);
  return std::move(*value);
}
template <>
std::vector<std::string> Row::decode(Column column, std::string_view raw) const {
  return value_or_throw(parse_text_array(raw), name(column), "text[] without nulls", raw);
}

}  // namespace sluice::pg
