#include "core/base/canonical_json.h"

#include <fmt/format.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/utf8.h"

namespace sluice {
namespace {

// Up to '~'. Looks at every byte, so that the compiler takes many of them at a time.
bool is_ascii(std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii &= static_cast<unsigned char>(c) <= '~';
  return ascii;
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  const bool whole = is_plain(text) && is_ascii(text);
  if (whole) out.append(text);
  for (std::size_t at = whole ? text.size() : 0; at < text.size();) {
    const char byte = text[at];
    if (byte >= ' ' && byte <= '~') {
      if (byte == '"' || byte == '\\') out.push_back('\\');
      out.push_back(byte);
      ++at;
      continue;
    }
    const Utf8Char character = decode_utf8(text, at);
    at += character.length;
    constexpr std::string_view kShort = "\b\f\n\r\t";
    constexpr std::string_view kLetters = "bfnrt";
    const auto code = static_cast<unsigned>(character.code);
    if (const auto which = kShort.find(byte); which != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kLetters[which]);
    } else if (code < 0x10000) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xD800 + ((code - 0x10000) >> 10U),
                     0xDC00 + ((code - 0x10000) & 0x3FFU));
    }
  }
  out.push_back('"');
}

// Python's repr of a double (float_repr_style 'short').
void append_float(std::string& out, double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));  // d[.ddd]e±xx, the fewest digits
  const std::size_t mark = text.find('e');
  int exponent = 0;
  std::from_chars(buffer + mark + (text[mark + 1] == '+' ? 2 : 1), end, exponent);
  std::string digits(text.substr(0, mark));
  std::erase(digits, '.');

  if (std::signbit(value)) out.push_back('-');
  if (exponent < -4 || exponent >= 16) {
    out.push_back(digits.front());
    if (digits.size() > 1) out.append(".").append(digits, 1);
    fmt::format_to(std::back_inserter(out), "e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() < whole + 1) digits.append(whole + 1 - digits.size(), '0');
    out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

// The double nearest to a decimal text; infinite beyond the range, zero below it.
double to_double(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() ? value : std::strtod(text.c_str(), nullptr);
}

bool append_number(std::string& out, const std::string& literal) {
  if (literal.find_first_of(".eE") == std::string::npos) {
    out.append(literal == "-0" ? "0" : literal);
    return true;
  }
  const double value = to_double(literal);
  if (!std::isfinite(value)) return false;
  append_float(out, value);
  return true;
}

// What `numeric` prints for a JSON literal: see the header.
std::string numeric_text(std::string_view literal) {
  const bool negative = literal.starts_with('-');
  if (negative) literal.remove_prefix(1);
  int exponent = 0;
  if (const auto mark = literal.find_first_of("eE"); mark != std::string_view::npos) {
    const std::string_view power = literal.substr(mark + (literal[mark + 1] == '+' ? 2 : 1));
    std::from_chars(power.data(), power.data() + power.size(), exponent);
    literal = literal.substr(0, mark);
  }
  const std::size_t point = std::min(literal.find('.'), literal.size());
  std::string digits(literal.substr(0, point));
  if (point < literal.size()) digits.append(literal.substr(point + 1));
  int places = static_cast<int>(digits.size() - point) - exponent;

  if (places < 0) digits.append(static_cast<std::size_t>(-places), '0');
  places = std::max(places, 0);
  const auto decimals = static_cast<std::size_t>(places);
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  const std::size_t whole = digits.size() - decimals;
  digits.erase(0, std::min(digits.find_first_not_of('0'), whole - 1));
  const bool zero = digits.find_first_not_of('0') == std::string::npos;
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  return (negative && !zero ? "-" : "") + digits;
}

void append_stored(std::string& out, const Json& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      out.append("null");
      break;
    case rapidjson::kTrueType:
      out.append("true");
      break;
    case rapidjson::kFalseType:
      out.append("false");
      break;
    case rapidjson::kStringType:
      append_string(out, text_of(value));
      break;
    case rapidjson::kNumberType: {
      const std::string number = value.IsDouble() ? numeric_text(to_text(value)) : to_text(value);
      append_number(out, number);
      break;
    }
    case rapidjson::kArrayType: {
      out.push_back('[');
      for (const Json& element : value.GetArray()) {
        if (&element != value.Begin()) out.push_back(',');
        append_stored(out, element);
      }
      out.push_back(']');
      break;
    }
    case rapidjson::kObjectType: {
      std::vector<const Json::Member*> members;
      members.reserve(value.MemberCount());
      for (const auto& member : value.GetObject()) members.push_back(&member);
      std::ranges::sort(members, {}, [](const Json::Member* member) { return text_of(member->name); });
      out.push_back('{');
      for (const Json::Member* member : members) {
        if (member != members.front()) out.push_back(',');
        append_string(out, text_of(member->name));
        out.push_back(':');
        append_stored(out, member->value);
      }
      out.push_back('}');
      break;
    }
  }
}

// Takes a JSON text's events, with numbers as written, and writes the canonical text of each value as it ends.
class CanonicalWriter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, CanonicalWriter> {
 public:
  bool Null() { return add("null"); }
  bool Bool(bool value) { return add(value ? "true" : "false"); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    std::string number;
    if (!append_number(number, std::string(text, size))) {
      problem_ = "number " + std::string(text, size) + " is beyond the range of a double";
      return false;
    }
    return add(std::move(number));
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    std::string quoted;
    append_string(quoted, {text, size});
    return add(std::move(quoted));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    open_.back().key.assign(text, size);
    return true;
  }
  bool StartObject() { return open(true); }
  bool StartArray() { return open(false); }
  bool EndObject(rapidjson::SizeType /*count*/) {
    std::string text = "{";
    for (const auto& [key, value] : open_.back().members) {
      if (text.size() > 1) text.push_back(',');
      append_string(text, key);
      text.append(":").append(value);
    }
    open_.pop_back();
    return add(text + "}");
  }
  bool EndArray(rapidjson::SizeType /*count*/) {
    std::string text = "[" + std::move(open_.back().elements) + "]";
    open_.pop_back();
    return add(std::move(text));
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::string take() { return std::move(root_); }

 private:
  struct Level {
    bool object;
    std::string key;  // of the member whose value comes next
    std::map<std::string, std::string> members;
    std::string elements;  // of an array, joined
  };

  bool open(bool object) {
    open_.push_back({object, {}, {}, {}});
    return true;
  }

  bool add(std::string text) {
    if (open_.empty()) {
      root_ = std::move(text);
    } else if (Level& level = open_.back(); level.object) {
      level.members.insert_or_assign(std::move(level.key), std::move(text));  // the last of equal keys stays
    } else {
      if (!level.elements.empty()) level.elements.push_back(',');
      level.elements.append(text);
    }
    return true;
  }

  std::string problem_;
  std::string root_;
  std::vector<Level> open_;
};

}  // namespace

std::expected<std::string, JsonError> canonical_json(std::string_view text, JsonLimits limits) {
  // parse_json decides what is JSON and how deep; only then are the literals of its numbers read.
  if (auto parsed = parse_json(text, limits); !parsed) return std::unexpected(std::move(parsed.error()));
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(bytes);
  CanonicalWriter writer;
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>> reader;
  const auto result =
      reader.Parse < rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag > (input, writer);
  if (result.IsError()) return std::unexpected(JsonError{writer.problem(), result.Offset()});
  return writer.take();
}

std::string canonical_json_stored(const Json& value) {
  std::string text;
  append_stored(text, value);
  return text;
}

std::string canonical_hash(std::string_view canonical) {
  return base64_encode(as_text(sha256(canonical)));
}

std::string state_hash_stored(const Json& state) {
  constexpr std::size_t kKept = 64U << 10U;
  static thread_local std::string text;  // grows once, not for each state
  text.clear();
  append_stored(text, state);
  std::string hash = canonical_hash(text);
  if (text.capacity() > kKept) text = {};
  return hash;
}

}  // namespace sluice
