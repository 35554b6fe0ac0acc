// "…".format([…]) of the strings extension: %s %d %f %e %b %o %x %X, a precision for %f and %e, and %%.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/flow/cel/functions.h"
#include "core/flow/cel/times.h"
#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

constexpr int kMaxPrecision = 100;
constexpr int kMaxDepth = 100;

struct Clause {
  char letter;
  int precision;
};

class Formatter {
 public:
  explicit Formatter(const Call& call) : call_(call), out_(call.work) {}

  Value run() {
    std::string_view text = call_.args[0].text();
    const Value& values = call_.args[1];
    std::size_t next = 0;
    while (!text.empty()) {
      const std::size_t percent = text.find('%');
      out_ << text.substr(0, percent);
      if (percent == std::string_view::npos) break;
      text.remove_prefix(percent + 1);
      if (text.starts_with('%')) {
        out_ << '%';
        text.remove_prefix(1);
        continue;
      }
      const auto clause = take_clause(text);
      if (!clause) return call_.error(fmt::format("could not parse formatting clause: {}", clause.error()));
      if (next == values.size()) return call_.error(fmt::format("index {} out of range", next));
      call_.work.charge(2);
      put(*clause, values.item(next++));
      if (!problem_.empty()) return call_.error(fmt::format("error during formatting: {}", problem_));
    }
    return Value::string(out_.text());
  }

 private:
  static std::expected<Clause, std::string> take_clause(std::string_view& text) {
    int precision = 6;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      precision = 0;
      std::size_t digits = 0;
      for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        precision = std::min(precision * 10 + (text[digits] - '0'), kMaxPrecision + 1);
      }
      if (digits == 0) return std::unexpected("expected digits after '.'");
      if (precision > kMaxPrecision) return std::unexpected(fmt::format("precision over {}", kMaxPrecision));
      text.remove_prefix(digits);
    }
    if (text.empty()) return std::unexpected("unexpected end of text after '%'");
    const char letter = text.front();
    if (!std::string_view("sdfeboxX").contains(letter)) {
      return std::unexpected(
          fmt::format("unrecognized formatting clause \"{}\"", text.substr(0, first_code_point(text).length)));
    }
    text.remove_prefix(1);
    return Clause{letter, precision};
  }

  void put(Clause clause, const Value& value) {
    switch (clause.letter) {
      case 's':
        return put_text(value, 0);
      case 'd':
        return put_decimal(value);
      case 'f':
        return put_real(value, "fixed-point",
                        [&](double real) { return fmt::format("{:.{}f}", real, clause.precision); });
      case 'e':
        return put_real(value, "scientific",
                        [&](double real) { return fmt::format("{:.{}e}", real, clause.precision); });
      case 'b':
        return put_binary(value);
      case 'o':
        return put_octal(value);
      default:
        return put_hexadecimal(value, clause.letter == 'X');
    }
  }

  void wrong(std::string_view what, const Value& value) {
    problem_ = fmt::format("{}, was given {}", what, type_name(value.kind()));
  }

  // Values as a reader would write them, texts without quotes.
  void put_text(const Value& value, int depth) {
    if (depth > kMaxDepth) call_.work.too_deep();
    call_.work.charge(1);
    switch (value.kind()) {
      case Kind::kError:
        return wrong("errors have no text", value);
      case Kind::kNull:
        out_ << "null";
        return;
      case Kind::kBool:
        out_ << (value.as_bool() ? "true" : "false");
        return;
      case Kind::kInt:
        out_ << fmt::format("{}", value.as_int());
        return;
      case Kind::kUint:
        out_ << fmt::format("{}", value.as_uint());
        return;
      case Kind::kDouble:
        out_ << double_to_text(value.as_double());
        return;
      case Kind::kString:
      case Kind::kType:
        out_ << value.text();
        return;
      case Kind::kBytes:
        if (!is_utf8(value.text())) return wrong("bytes must be UTF-8", value);
        out_ << value.text();
        return;
      case Kind::kTimestamp:
        out_ << to_text(value.as_timestamp());
        return;
      case Kind::kDuration:
        out_ << duration_to_text(value.as_int());
        return;
      case Kind::kList:
        return put_list(value, depth);
      case Kind::kMap:
        return put_map(value, depth);
    }
  }

  void put_list(const Value& list, int depth) {
    out_ << '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out_ << ", ";
      put_text(list.item(i), depth + 1);
    }
    out_ << ']';
  }

  // In the order of the keys' texts.
  void put_map(const Value& map, int depth) {
    struct Line {
      std::string_view key;
      Value value;
    };
    const std::span<Line> lines = call_.work.array<Line>(map.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Entry entry = map.entry(i);
      Formatter key(call_);
      key.put_text(entry.key, depth + 1);
      lines[i] = {key.out_.text(), entry.value};
    }
    call_.work.charge(lines.size() * 4);  // sorting's share
    std::ranges::sort(lines, {}, &Line::key);
    out_ << '{';
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) out_ << ", ";
      out_ << lines[i].key << ": ";
      put_text(lines[i].value, depth + 1);
    }
    out_ << '}';
  }

  void put_decimal(const Value& value) {
    if (value.is(Kind::kInt) || value.is(Kind::kUint)) return put_text(value, 0);
    if (value.is(Kind::kDouble) && !std::isfinite(value.as_double())) return put_text(value, 0);
    wrong("decimal clause can only be used on integers", value);
  }

  template <typename Write>
  void put_real(const Value& value, std::string_view clause, Write write) {
    if (!value.is_number()) return wrong(fmt::format("{} clause can only be used on doubles", clause), value);
    out_ << (std::isfinite(value.number()) ? write(value.number()) : double_to_text(value.number()));
  }

  void put_binary(const Value& value) {
    if (value.is(Kind::kBool)) {
      out_ << (value.as_bool() ? '1' : '0');
    } else if (value.is(Kind::kInt)) {
      out_ << fmt::format("{:b}", value.as_int());
    } else if (value.is(Kind::kUint)) {
      out_ << fmt::format("{:b}", value.as_uint());
    } else {
      wrong("only integers and bools can be formatted as binary", value);
    }
  }

  void put_octal(const Value& value) {
    if (value.is(Kind::kInt)) {
      out_ << fmt::format("{:o}", value.as_int());
    } else if (value.is(Kind::kUint)) {
      out_ << fmt::format("{:o}", value.as_uint());
    } else {
      wrong("octal clause can only be used on integers", value);
    }
  }

  void put_hexadecimal(const Value& value, bool upper) {
    if (value.is(Kind::kInt)) {
      out_ << (upper ? fmt::format("{:X}", value.as_int()) : fmt::format("{:x}", value.as_int()));
    } else if (value.is(Kind::kUint)) {
      out_ << (upper ? fmt::format("{:X}", value.as_uint()) : fmt::format("{:x}", value.as_uint()));
    } else if (value.is(Kind::kString) || value.is(Kind::kBytes)) {
      const std::string_view digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
      call_.work.charge_text(value.text().size());
      for (const char c : value.text())
        out_ << digits[static_cast<unsigned char>(c) >> 4U] << digits[static_cast<unsigned char>(c) & 15U];
    } else {
      wrong("only integers, byte buffers, and strings can be formatted as hex", value);
    }
  }

  const Call& call_;
  GrowingText out_;
  std::string problem_;
};

}  // namespace

Value format_text(const Call& call) {
  if (!call.takes(Kind::kString, Kind::kList)) return call.no_overload();
  return Formatter(call).run();
}

}  // namespace sluice::cel
