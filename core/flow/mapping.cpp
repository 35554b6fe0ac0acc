#include "core/flow/mapping.h"

#include "core/flow/path.h"

namespace sluice::flow {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// How many bytes the UTF-8 sequence at the start of `text` has, 0 when there is none (RFC 3629: no surrogates, nothing
// overlong).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = sequence_length(bytes.substr(at));
    text.append(length == 0 ? kReplacement : bytes.substr(at, length));
    at += length == 0 ? 1 : length;
  }
  return text;
}

void replace_nul(Json& string) {
  const auto text = text_of(string);
  if (text.find('\0') == std::string_view::npos) return;
  std::string out;
  for (const char c : text) {
    if (c == '\0') {
      out.append(kReplacement);
    } else {
      out.push_back(c);
    }
  }
  string = make_string(out);
}

void make_storable(Json& value) {
  if (value.IsString()) {
    replace_nul(value);
  } else if (value.IsArray()) {
    for (auto& item : value.GetArray()) make_storable(item);
  } else if (value.IsObject()) {
    for (auto& member : value.GetObject()) {
      replace_nul(member.name);
      make_storable(member.value);
    }
  }
}

}  // namespace

const Json* at_source(const Json& body, std::string_view source) {
  if (source.starts_with('$')) {
    source.remove_prefix(1);
    if (source.empty()) return &body;
    if (source.starts_with('[')) {  // $[0].a: a path whose first step is an index
      const auto close = source.find(']');
      if (close == std::string_view::npos) return nullptr;
      const Json* item = at_path(body, source.substr(1, close - 1));
      source.remove_prefix(close + 1);
      if (item == nullptr || source.empty()) return item;
      return source.starts_with('.') ? at_path(*item, source.substr(1)) : at_source(*item, "$" + std::string(source));
    }
    if (!source.starts_with('.')) return nullptr;
    source.remove_prefix(1);
  }
  return at_path(body, source);
}

std::vector<std::pair<std::string, Json>> mapped(const Json& mapping, const Json& body, MappingKind kind) {
  std::vector<std::pair<std::string, Json>> values;
  if (!mapping.IsObject()) return values;
  for (const auto& member : mapping.GetObject()) {
    if (!member.value.IsString()) continue;
    const auto key = text_of(member.name);
    const auto value = text_of(member.value);
    const bool key_is_source = key.starts_with('$') || (kind == MappingKind::kApiCall && !value.starts_with('$'));
    const auto source = key_is_source ? key : value;
    const auto target = key_is_source ? value : key;
    if (const Json* found = at_source(body, source)) values.emplace_back(target, clone(*found));
  }
  return values;
}

Json mapped_object(const Json& mapping, const Json& body, MappingKind kind) {
  Json result = make_object();
  Undo writes;
  for (auto& [target, value] : mapped(mapping, body, kind)) {
    // A target that cannot nest (a.b after a = 1) loses to the one before it.
    if (!writes.assign(result, target, std::move(value))) continue;
  }
  return result;
}

Json body_value(std::string_view body) {
  if (auto parsed = parse_json(body)) return std::move(*parsed);
  return make_string(valid_utf8(body));
}

Json storable(Json value) {
  make_storable(value);
  return value;
}

}  // namespace sluice::flow
