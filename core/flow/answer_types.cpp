#include "core/flow/answer_types.h"

#include <re2/re2.h>

#include <array>
#include <chrono>
#include <string>

#include "core/flow/question.h"

namespace sluice::flow {
namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// "15", "+2", "1.50" and "1e3" are numbers; a comma is not, since it means two things.
std::expected<Json, std::string> number(const Json& value) {
  if (value.IsNumber()) return clone(value);
  static const re2::RE2 kNumber(R"(\+?(-?)0*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))");
  std::string sign;
  std::string digits;
  const std::string text = value.IsString() ? std::string(trimmed(text_of(value))) : std::string();
  if (text.size() <= 64 && re2::RE2::FullMatch(text, kNumber, &sign, &digits)) {
    if (auto parsed = parse_json(sign + digits)) return std::move(*parsed);
  }
  return std::unexpected("Please enter a number.");
}

bool is_email(std::string_view text) {
  // Letters of any script; what cannot stand in a host name is excluded, since naming every letter makes a huge
  // automaton.
  static const re2::RE2 kEmail(
      R"re([A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]+@(?:[^\s@.,;:<>()\[\]"'\\/]+\.)+[^\s@.,;:<>()\[\]"'\\/]{2,})re");
  return text.size() <= 254 && re2::RE2::FullMatch(piece(text), kEmail);
}

// E.164 allows 15 digits; people write them with spaces, dots, hyphens and brackets.
bool is_phone(std::string_view text) {
  static const re2::RE2 kPhone(R"(\+?[0-9(][0-9 ().\-/]*)");
  std::size_t digits = 0;
  for (const char c : text) digits += c >= '0' && c <= '9' ? 1 : 0;
  return digits >= 5 && digits <= 15 && re2::RE2::FullMatch(piece(text), kPhone);
}

bool is_url(std::string_view text) {
  static const re2::RE2 kUrl(R"((?i)https?://[^\s/?#@]+\.?[^\s/?#@]*(?:[/?#]\S*)?)");
  return text.size() <= 2048 && re2::RE2::FullMatch(piece(text), kUrl);
}

// ISO 8601: a day that exists, with or without a time.
bool is_date(std::string_view text) {
  static const re2::RE2 kDate(
      R"((\d{4})-(\d{2})-(\d{2})(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+\-]\d{2}:?\d{2})?)?)");
  int year = 0;
  int month = 0;
  int day = 0;
  if (!re2::RE2::FullMatch(piece(text), kDate, &year, &month, &day)) return false;
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

std::expected<Json, std::string> text_that(const Json& value, bool (*holds)(std::string_view), const char* problem) {
  if (value.IsString() && holds(trimmed(text_of(value)))) return make_string(trimmed(text_of(value)));
  return std::unexpected(problem);
}

}  // namespace

std::expected<Json, std::string> typed_answer(std::string_view type, const Json& value) {
  if (type == "number") return number(value);
  if (type == "integer") {
    auto whole = number(value);
    if (whole && (whole->IsInt64() || whole->IsUint64())) return whole;
    return std::unexpected("Please enter a whole number.");
  }
  if (type == "email") return text_that(value, is_email, "Please enter an email address.");
  if (type == "phone") return text_that(value, is_phone, "Please enter a phone number.");
  if (type == "url")
    return text_that(value, is_url, "Please enter a web address that begins with http:// or https://.");
  if (type == "date") return text_that(value, is_date, "Please enter a date as YYYY-MM-DD.");
  if (type == "file") {
    const bool empty = value.IsNull() || (value.IsString() && trimmed(text_of(value)).empty()) ||
                       (value.IsArray() && value.Empty()) || (value.IsObject() && value.ObjectEmpty()) ||
                       value.IsBool() || value.IsNumber();
    if (empty) return std::unexpected("Please send a file.");
  }
  return clone(value);
}

}  // namespace sluice::flow
