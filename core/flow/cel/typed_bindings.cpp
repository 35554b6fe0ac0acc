// Values from the typed notation of the conformance cases.
#include <fmt/format.h>

#include <charconv>

#include "core/base/crypto.h"
#include "core/flow/cel/literals.h"
#include "core/flow/cel/result.h"
#include "core/flow/cel/times.h"

namespace sluice::cel {
namespace {

using Read = std::expected<Value, std::string>;

Read wrong(const Json& typed) { return std::unexpected(fmt::format("not a typed value: {}", to_text(typed).substr(0, 200))); }

template <typename Integer>
std::optional<Integer> whole(const Json& json) {
  if (!json.IsString()) return std::nullopt;
  const std::string_view text = text_of(json);
  Integer value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

Read list(Work& work, const Json& items) {
  Growing<Value> made(work);
  for (const Json& item : items.GetArray()) {
    auto value = from_typed_json(work, item);
    if (!value) return value;
    made.push(*value);
  }
  return Value::list(made.items());
}

Read map(Work& work, const Json& pairs) {
  Growing<Entry> made(work);
  for (const Json& pair : pairs.GetArray()) {
    if (!pair.IsArray() || pair.Size() != 2) return wrong(pair);
    auto key = from_typed_json(work, pair[0]);
    auto value = from_typed_json(work, pair[1]);
    if (!key) return key;
    if (!value) return value;
    made.push({*key, *value});
  }
  const auto value = make_map(work, made.items());
  if (!value) return std::unexpected(std::string(value.error()));
  return *value;
}

Read text(Work& work, std::string_view type, const Json& json) {
  const std::string_view content = text_of(json);
  if (type == "string") return Value::string(content);
  if (type == "type") return Value::type(content);
  if (type == "bytes") {
    if (const auto bytes = base64_decode(content)) return Value::bytes(work.keep(*bytes));
  } else if (type == "double") {
    if (const auto value = parse_double(content)) return Value::real(*value);
  } else if (type == "timestamp") {
    if (const auto time = parse_timestamp(content)) return Value::timestamp(*time);
  } else if (type == "duration") {
    if (const auto nanos = parse_duration(content)) return Value::duration(*nanos);
  } else if (type == "int") {
    if (const auto value = whole<std::int64_t>(json)) return Value::integer(*value);
  } else if (type == "uint") {
    if (const auto value = whole<std::uint64_t>(json)) return Value::unsigned_integer(*value);
  }
  return std::unexpected(fmt::format("not a typed value: {} '{}'", type, content.substr(0, 200)));
}

}  // namespace

std::expected<Value, std::string> from_typed_json(Work& work, const Json& typed) {
  if (!typed.IsObject() || typed.MemberCount() != 1) return wrong(typed);
  const auto& member = *typed.MemberBegin();
  const std::string_view type = text_of(member.name);
  if (type == "null") return Value::null();
  if (type == "bool" && member.value.IsBool()) return Value::boolean(member.value.GetBool());
  if (type == "double" && member.value.IsNumber()) return Value::real(member.value.GetDouble());
  if (type == "list" && member.value.IsArray()) return list(work, member.value);
  if (type == "map" && member.value.IsArray()) return map(work, member.value);
  if (member.value.IsString()) return text(work, type, member.value);
  return wrong(typed);
}

}  // namespace sluice::cel
