#include "core/flow/cel/result.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_set>

#include "core/base/crypto.h"
#include "core/flow/cel/functions.h"
#include "core/flow/cel/times.h"

namespace sluice::cel {
namespace {

constexpr int kMaxDepth = 500;

using Made = std::expected<Json, std::string>;

std::string key_text(const Value& key) {
  switch (key.kind()) {
    case Kind::kString: return std::string(key.text());
    case Kind::kInt: return fmt::format("{}", key.as_int());
    case Kind::kUint: return fmt::format("{}", key.as_uint());
    default: return key.as_bool() ? "true" : "false";
  }
}

Made plain(const Value& value, int depth);

Made plain_list(const Value& list, int depth) {
  Json array = make_array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto item = plain(list.item(i), depth + 1);
    if (!item) return item;
    push(array, std::move(*item));
  }
  return array;
}

Made plain_map(const Value& map, int depth) {
  Json object = make_object();
  std::unordered_set<std::string> keys;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const Entry entry = map.entry(i);
    const auto [key, is_new] = keys.insert(key_text(entry.key));
    if (!is_new) return std::unexpected(fmt::format("two keys of the map are '{}' in JSON", *key));
    auto member = plain(entry.value, depth + 1);
    if (!member) return member;
    object.AddMember(make_string(*key), std::move(*member), json_allocator());
  }
  return object;
}

Made plain(const Value& value, int depth) {
  if (depth > kMaxDepth) return std::unexpected("the result is nested too deeply for JSON");
  switch (value.kind()) {
    case Kind::kError: return std::unexpected(std::string(value.failure().message));
    case Kind::kNull: return Json();
    case Kind::kBool: return Json(value.as_bool());
    case Kind::kInt: return Json(value.as_int());
    case Kind::kUint: return Json(value.as_uint());
    case Kind::kDouble:
      if (!std::isfinite(value.as_double())) return make_string(double_to_text(value.as_double()));
      return Json(value.as_double());
    case Kind::kString:
    case Kind::kType: return make_string(value.text());
    case Kind::kBytes: return make_string(base64_encode(value.text()));
    case Kind::kTimestamp: return make_string(to_text(value.as_timestamp()));
    case Kind::kDuration: return make_string(duration_to_text(value.as_int()));
    case Kind::kList: return plain_list(value, depth);
    case Kind::kMap: return plain_map(value, depth);
  }
  return Json();
}

Json tagged(std::string_view type, Json value) {
  Json object = make_object();
  set(object, type, std::move(value));
  return object;
}

Made typed(const Value& value, int depth);

Made typed_list(const Value& list, int depth) {
  Json array = make_array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto item = typed(list.item(i), depth + 1);
    if (!item) return item;
    push(array, std::move(*item));
  }
  return tagged("list", std::move(array));
}

Made typed_map(const Value& map, int depth) {
  Json array = make_array();
  for (std::size_t i = 0; i < map.size(); ++i) {
    const Entry entry = map.entry(i);
    auto key = typed(entry.key, depth + 1);
    auto member = typed(entry.value, depth + 1);
    if (!key) return key;
    if (!member) return member;
    Json pair = make_array();
    push(pair, std::move(*key));
    push(pair, std::move(*member));
    push(array, std::move(pair));
  }
  return tagged("map", std::move(array));
}

Made typed(const Value& value, int depth) {
  if (value.is(Kind::kNull)) return tagged("null", Json(true));
  if (depth > kMaxDepth) return std::unexpected("the result is nested too deeply for JSON");
  switch (value.kind()) {
    case Kind::kInt: return tagged("int", make_string(fmt::format("{}", value.as_int())));
    case Kind::kUint: return tagged("uint", make_string(fmt::format("{}", value.as_uint())));
    case Kind::kTimestamp: return tagged("timestamp", make_string(to_text(value.as_timestamp())));
    case Kind::kDuration: return tagged("duration", make_string(duration_to_text(value.as_int())));
    case Kind::kList: return typed_list(value, depth);
    case Kind::kMap: return typed_map(value, depth);
    default: break;
  }
  auto scalar = plain(value, depth);
  if (!scalar) return scalar;
  return tagged(type_name(value.kind()), std::move(*scalar));
}

}  // namespace

std::expected<Json, std::string> to_json(const Value& value) { return plain(value, 0); }

std::expected<Json, std::string> to_typed_json(const Value& value) { return typed(value, 0); }

}  // namespace sluice::cel
