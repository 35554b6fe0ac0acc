#include "core/flow/cel/literals.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

// Reads the escapes of a text's body one after the other.
class Unescape {
 public:
  Unescape(std::string_view body, std::size_t offset, bool bytes) : body_(body), offset_(offset), bytes_(bytes) {}

  std::expected<std::string, LiteralError> run() {
    std::string text;
    text.reserve(body_.size());
    while (at_ < body_.size()) {
      if (body_[at_] != '\\') {
        text.push_back(body_[at_++]);
        continue;
      }
      if (auto error = escape(text)) return std::unexpected(std::move(*error));
    }
    return text;
  }

 private:
  std::optional<LiteralError> escape(std::string& text) {
    const std::size_t start = at_;
    const char letter = body_[at_ + 1];  // the grammar lets no text end in a backslash
    at_ += 2;
    switch (letter) {
      case 'a':
        text.push_back('\a');
        return {};
      case 'b':
        text.push_back('\b');
        return {};
      case 'f':
        text.push_back('\f');
        return {};
      case 'n':
        text.push_back('\n');
        return {};
      case 'r':
        text.push_back('\r');
        return {};
      case 't':
        text.push_back('\t');
        return {};
      case 'v':
        text.push_back('\v');
        return {};
      case '\\':
      case '\'':
      case '"':
      case '`':
      case '?':
        text.push_back(letter);
        return {};
      case 'x':
      case 'X':
        return code(text, start, 2, 16);
      case 'u':
        return bytes_ ? invalid(start) : code(text, start, 4, 16);
      case 'U':
        return bytes_ ? invalid(start) : code(text, start, 8, 16);
      case '0':
      case '1':
      case '2':
      case '3':
        --at_;
        return code(text, start, 3, 8);
      default:
        return invalid(start);
    }
  }

  std::optional<LiteralError> code(std::string& text, std::size_t start, std::size_t digits, int base) {
    const std::string_view number = body_.substr(at_, digits);
    std::uint32_t value = 0;
    const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), value, base);
    if (number.size() < digits || problem != std::errc() || end != number.data() + digits) return invalid(start);
    at_ += digits;
    if (bytes_) {
      text.push_back(static_cast<char>(value));  // two hexadecimal or three octal digits below \400
    } else if (is_scalar(value)) {
      append_code_point(text, value);
    } else {
      return LiteralError{
          fmt::format("escape names no Unicode character: \\{}{}", base == 8 ? "" : body_.substr(start + 1, 1), number),
          offset_ + start};
    }
    return {};
  }

  LiteralError invalid(std::size_t start) const { return {"invalid escape sequence", offset_ + start}; }

  std::string_view body_;
  std::size_t offset_;
  bool bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::expected<TextLiteral, LiteralError> text_literal(std::string_view token) {
  TextLiteral literal;
  std::size_t begin = 0;
  bool raw = false;
  for (; token[begin] != '"' && token[begin] != '\''; ++begin) {
    (token[begin] == 'b' || token[begin] == 'B' ? literal.bytes : raw) = true;
  }
  const std::string_view rest = token.substr(begin);
  const bool is_long = rest.size() >= 6 && rest[1] == rest[0] && rest[2] == rest[0];
  const std::size_t quotes = is_long ? 3 : 1;
  const std::string_view body = rest.substr(quotes, rest.size() - 2 * quotes);
  if (raw) {
    literal.text = body;
    return literal;
  }
  auto text = Unescape(body, begin + quotes, literal.bytes).run();
  if (!text) return std::unexpected(std::move(text.error()));
  literal.text = std::move(*text);
  return literal;
}

std::expected<Value, LiteralError> integer_literal(std::string_view token) {
  std::string_view digits = token;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const bool is_unsigned = digits.ends_with('u') || digits.ends_with('U');
  if (is_unsigned) digits.remove_suffix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  }
  std::uint64_t magnitude = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  const std::uint64_t most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  if (problem != std::errc() || (!is_unsigned && magnitude > most)) {
    return std::unexpected(
        LiteralError{fmt::format("{} literal out of range: {}", is_unsigned ? "uint" : "int", token)});
  }
  if (is_unsigned && negative) return std::unexpected(LiteralError{fmt::format("uint literal with a sign: {}", token)});
  if (is_unsigned) return Value::unsigned_integer(magnitude);
  return Value::integer(static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude));
}

std::expected<Value, LiteralError> real_literal(std::string_view token) {
  const std::optional<double> value = parse_double(token);
  if (!value) return std::unexpected(LiteralError{fmt::format("double literal out of range: {}", token)});
  return Value::real(*value);
}

std::optional<double> parse_double(std::string_view text) {
  bool negative = false;
  if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const double sign = negative ? -1 : 1;
  if (text == "Infinity" || text == "Inf" || text == "inf" || text == "infinity")
    return sign * std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text.empty() || (text.front() != '.' && (text.front() < '0' || text.front() > '9'))) return std::nullopt;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || problem == std::errc::invalid_argument) return std::nullopt;
  if (problem == std::errc::result_out_of_range) {
    value =
        std::strtod(std::string(text).c_str(), nullptr);  // tells what is too small, which is 0, from what is too large
    if (std::isinf(value)) return std::nullopt;
  }
  return sign * value;
}

}  // namespace sluice::cel
