#include "core/base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>
#include <vector>

namespace sluice {
namespace {

// Numbers are converted here: rapidjson's exact conversion runs into undefined behaviour on 0e308.
constexpr unsigned kParseFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;

// The nearest double to a number of JSON's grammar, exactly rounded; an infinity when it is too big.
double nearest_double(std::string_view number) {
  double value = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec == std::errc()) return value;
  return std::strtod(std::string(number).c_str(), nullptr);  // out of range: tells too small from too big
}

// rapidjson checks what stands in a text, but takes the escape of a low surrogate alone and writes it as three bytes
// that are no UTF-8.
bool holds_surrogate(std::string_view text) {
  for (auto at = text.find('\xED'); at != std::string_view::npos; at = text.find('\xED', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
  }
  return false;
}

// Builds the value bottom up on a stack of its own, since rapidjson's document cannot bound depth or drop repeated
// keys.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(int max_depth) : max_depth_(max_depth) {}

  bool Null() { return add(Json()); }
  bool Bool(bool value) { return add(Json(value)); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    const std::string_view number(text, size);
    if (number.find_first_of(".eE") == std::string_view::npos) {
      std::int64_t whole = 0;
      if (std::from_chars(text, text + size, whole).ec == std::errc()) return add(Json(whole));
      std::uint64_t large = 0;
      if (number.front() != '-' && std::from_chars(text, text + size, large).ec == std::errc()) return add(Json(large));
    }
    const double value = nearest_double(number);
    too_big_ = std::isinf(value);
    return !too_big_ && add(Json(value));
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return whole({text, size}) && add(Json(text, size, json_allocator()));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    if (!whole({text, size})) return false;
    keys_.emplace_back(text, size, json_allocator());
    return true;
  }
  bool StartObject() { return open(rapidjson::kObjectType); }
  bool EndObject(rapidjson::SizeType /*count*/) { return close(); }
  bool StartArray() { return open(rapidjson::kArrayType); }
  bool EndArray(rapidjson::SizeType /*count*/) { return close(); }

  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] bool too_big() const { return too_big_; }
  [[nodiscard]] bool half_a_pair() const { return half_a_pair_; }
  [[nodiscard]] Json take() { return Json(std::move(root_)); }

 private:
  // Above this many members a repeated key is looked up in an index rather than by scanning.
  static constexpr rapidjson::SizeType kIndexedMembers = 16;

  struct Level {
    Json value;
    std::unordered_map<std::string, rapidjson::SizeType> index;  // filled once there are many members
  };

  bool open(rapidjson::Type type) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      too_deep_ = true;
      return false;
    }
    open_.emplace_back(Json(type));
    return true;
  }

  bool whole(std::string_view text) {
    half_a_pair_ = holds_surrogate(text);
    return !half_a_pair_;
  }

  bool close() {
    Json finished(std::move(open_.back().value));
    open_.pop_back();
    return add(std::move(finished));
  }

  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.IsArray()) {
      open_.back().value.PushBack(std::move(value), json_allocator());
    } else {
      add_member(open_.back(), std::move(value));
    }
    return true;
  }

  void add_member(Level& level, Json value) {
    Json key(std::move(keys_.back()));
    keys_.pop_back();
    if (Json* previous = member(level, key)) {
      *previous = std::move(value);
      return;
    }
    if (level.value.MemberCount() >= kIndexedMembers)
      level.index.emplace(std::string(text_of(key)), level.value.MemberCount());
    level.value.AddMember(std::move(key), std::move(value), json_allocator());
  }

  static Json* member(Level& level, const Json& key) {
    if (level.value.MemberCount() < kIndexedMembers) return find(level.value, text_of(key));
    if (level.index.empty()) {
      rapidjson::SizeType at = 0;
      for (const auto& entry : level.value.GetObject()) level.index.emplace(std::string(text_of(entry.name)), at++);
    }
    auto found = level.index.find(std::string(text_of(key)));
    return found == level.index.end() ? nullptr : &(level.value.MemberBegin() + found->second)->value;
  }

  int max_depth_;
  bool too_deep_ = false;
  bool too_big_ = false;      // a number
  bool half_a_pair_ = false;  // of surrogates in a text
  Json root_;
  std::vector<Level> open_;
  std::vector<Json> keys_;
};

// rapidjson's messages begin with a capital and end with a full stop; ours do neither.
std::string plain(const char* message) {
  std::string text(message);
  if (!text.empty() && text.back() == '.') text.pop_back();
  if (!text.empty()) text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
  return text;
}

}  // namespace

JsonAllocator& json_allocator() {
  static JsonAllocator allocator;
  return allocator;
}

std::expected<Json, JsonError> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return std::unexpected(JsonError{
        "text of " + std::to_string(text.size()) + " bytes is over the limit of " + std::to_string(limits.max_bytes),
        0});
  }
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(bytes);
  Builder builder(limits.max_depth);
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>> reader;
  const rapidjson::ParseResult result = reader.Parse<kParseFlags>(input, builder);
  if (builder.too_deep()) {
    return std::unexpected(
        JsonError{"nested deeper than " + std::to_string(limits.max_depth) + " levels", result.Offset()});
  }
  if (builder.too_big()) return std::unexpected(JsonError{"number too big to be stored in double", result.Offset()});
  if (builder.half_a_pair())
    return std::unexpected(JsonError{
        plain(rapidjson::GetParseError_En(rapidjson::kParseErrorStringUnicodeSurrogateInvalid)), result.Offset()});
  if (result.IsError())
    return std::unexpected(JsonError{plain(rapidjson::GetParseError_En(result.Code())), result.Offset()});
  // The stream shows its end as a NUL, so a NUL in the text looks like it.
  if (input.Tell() < text.size())
    return std::unexpected(
        JsonError{plain(rapidjson::GetParseError_En(rapidjson::kParseErrorDocumentRootNotSingular)), input.Tell()});
  return builder.take();
}

// Looks at every byte, so that the compiler takes many of them at a time.
bool is_plain(std::string_view text) noexcept {
  bool plain = true;
  for (const char c : text) plain &= static_cast<unsigned char>(c) >= ' ' && c != '"' && c != '\\';
  return plain;
}

namespace {

// By rapidjson: a string with escapes, or a double.
void append_scalar(std::string& out, const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  out.append(buffer.GetString(), buffer.GetSize());
}

void append_string(std::string& out, const Json& value) {
  const std::string_view text = text_of(value);
  if (!is_plain(text)) return append_scalar(out, value);
  out.push_back('"');
  out.append(text);
  out.push_back('"');
}

template <typename Number>
void append_whole(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// rapidjson's writer allocates for each text and writes letter by letter, which was a tenth of a worker's time.
void append_text(std::string& out, const Json& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      out.append("null");
      break;
    case rapidjson::kFalseType:
      out.append("false");
      break;
    case rapidjson::kTrueType:
      out.append("true");
      break;
    case rapidjson::kStringType:
      append_string(out, value);
      break;
    case rapidjson::kNumberType:
      if (value.IsInt64()) {
        append_whole(out, value.GetInt64());
      } else if (value.IsUint64()) {
        append_whole(out, value.GetUint64());
      } else {
        append_scalar(out, value);
      }
      break;
    case rapidjson::kArrayType:
      out.push_back('[');
      for (const Json& item : value.GetArray()) {
        if (&item != value.Begin()) out.push_back(',');
        append_text(out, item);
      }
      out.push_back(']');
      break;
    case rapidjson::kObjectType:
      out.push_back('{');
      for (auto member = value.MemberBegin(); member != value.MemberEnd(); ++member) {
        if (member != value.MemberBegin()) out.push_back(',');
        append_string(out, member->name);
        out.push_back(':');
        append_text(out, member->value);
      }
      out.push_back('}');
      break;
  }
}

}  // namespace

std::string to_text(const Json& value) {
  constexpr std::size_t kKept = 64U << 10U;
  static thread_local std::string buffer;  // grows once, so that a text is allocated once, in its size
  buffer.clear();
  append_text(buffer, value);
  std::string text = buffer;
  if (buffer.capacity() > kKept) buffer = {};
  return text;
}

Json make_object() {
  return Json(rapidjson::kObjectType);
}
Json make_array() {
  return Json(rapidjson::kArrayType);
}
Json make_string(std::string_view text) {
  // rapidjson refuses a null pointer, which an empty view may have.
  return Json(text.empty() ? "" : text.data(), static_cast<rapidjson::SizeType>(text.size()), json_allocator());
}

// rapidjson copies arrays and objects by way of a document, whose stack needs an allocator: ours spares it to make one.
Json clone(const Json& value) {
  if (!value.IsArray() && !value.IsObject()) return {value, json_allocator()};
  if (value.IsArray() ? value.Empty() : value.ObjectEmpty()) return Json(value.GetType());
  constexpr std::size_t kStack = 512;
  rapidjson::GenericDocument<rapidjson::UTF8<>, JsonAllocator, JsonAllocator> document(&json_allocator(), kStack,
                                                                                       &json_allocator());
  auto events = [&value](auto& handler) { return value.Accept(handler); };
  document.Populate(events);
  return Json(std::move(static_cast<Json&>(document)));
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.IsObject()) return nullptr;
  for (auto member = object.MemberBegin(); member != object.MemberEnd(); ++member) {
    if (text_of(member->name) == key) return &member->value;
  }
  return nullptr;
}

Json* find(Json& object, std::string_view key) {
  return const_cast<Json*>(find(std::as_const(object), key));
}

std::string_view string_member(const Json& object, std::string_view key, std::string_view fallback) {
  const Json* member = find(object, key);
  return member != nullptr && member->IsString() ? text_of(*member) : fallback;
}

Json& set(Json& object, std::string_view key, Json value) {
  if (Json* member = find(object, key)) {
    *member = std::move(value);
    return *member;
  }
  object.AddMember(make_string(key), std::move(value), json_allocator());
  return (object.MemberEnd() - 1)->value;
}

Json& set(Json& object, std::string_view key, std::string_view text) {
  return set(object, key, make_string(text));
}

void push(Json& array, Json value) {
  array.PushBack(std::move(value), json_allocator());
}

bool equal(const Json& left, const Json& right) {
  if (left.IsNumber() && right.IsNumber()) {
    if (left.IsInt64() && right.IsInt64()) return left.GetInt64() == right.GetInt64();
    if (left.IsUint64() && right.IsUint64()) return left.GetUint64() == right.GetUint64();
    return (left.IsDouble() || right.IsDouble()) && left.GetDouble() == right.GetDouble();
  }
  if (left.GetType() != right.GetType()) return false;
  if (left.IsString()) return text_of(left) == text_of(right);
  if (left.IsArray()) {
    if (left.Size() != right.Size()) return false;
    for (rapidjson::SizeType i = 0; i < left.Size(); ++i) {
      if (!equal(left[i], right[i])) return false;
    }
    return true;
  }
  if (left.IsObject()) {
    if (left.MemberCount() != right.MemberCount()) return false;
    for (const auto& member : left.GetObject()) {
      const Json* other = find(right, text_of(member.name));
      if (other == nullptr || !equal(member.value, *other)) return false;
    }
  }
  return true;
}

void deep_merge(Json& target, const Json& updates) {
  if (!target.IsObject() || !updates.IsObject()) {
    target = clone(updates);
    return;
  }
  for (const auto& member : updates.GetObject()) {
    Json* existing = find(target, text_of(member.name));
    if (existing != nullptr) {
      deep_merge(*existing, member.value);
    } else {
      set(target, text_of(member.name), clone(member.value));
    }
  }
}

}  // namespace sluice
