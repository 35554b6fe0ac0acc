#include "core/flow/cel/value.h"

#include <bit>
#include <functional>

namespace sluice::cel {
namespace {

constexpr std::size_t kIndexedEntries = 16;
constexpr int kMaxValueDepth = 600;  // a context's 128 levels inside what an expression can nest itself

bool is_key(const Value& value) {
  return value.is(Kind::kInt) || value.is(Kind::kUint) || value.is(Kind::kBool) || value.is(Kind::kString);
}

std::partial_ordering order_numbers(const Value& left, const Value& right) {
  if (left.is(Kind::kDouble) || right.is(Kind::kDouble)) return left.number() <=> right.number();
  if (left.is(Kind::kInt) && right.is(Kind::kInt)) return left.as_int() <=> right.as_int();
  if (left.is(Kind::kUint) && right.is(Kind::kUint)) return left.as_uint() <=> right.as_uint();
  if (left.is(Kind::kInt)) {
    if (left.as_int() < 0) return std::partial_ordering::less;
    return static_cast<std::uint64_t>(left.as_int()) <=> right.as_uint();
  }
  if (right.as_int() < 0) return std::partial_ordering::greater;
  return left.as_uint() <=> static_cast<std::uint64_t>(right.as_int());
}

bool same_key(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return order_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  if (left.is(Kind::kString)) return left.text() == right.text();
  return left.is(Kind::kBool) && left.as_bool() == right.as_bool();
}

// Equal for keys that are the same: numbers are hashed by their double.
std::size_t hash_key(const Value& key) {
  if (key.is(Kind::kString)) return std::hash<std::string_view>{}(key.text());
  if (key.is(Kind::kBool)) return key.as_bool() ? 1 : 2;
  return std::hash<double>{}(key.number());
}

// Puts entry `at` into the index unless its key is there already.
bool insert(Work& work, std::span<std::uint32_t> index, std::span<const Entry> entries, std::size_t at) {
  const std::size_t mask = index.size() - 1;
  for (std::size_t slot = hash_key(entries[at].key) & mask;; slot = (slot + 1) & mask) {
    work.charge(1);
    if (index[slot] == 0) {
      index[slot] = static_cast<std::uint32_t>(at + 1);
      return true;
    }
    if (same_key(entries[index[slot] - 1].key, entries[at].key)) return false;
  }
}

std::optional<Value> find_entry(Work& work, const MapData& map, const Value& key) {
  if (map.index.empty()) {
    for (const Entry& entry : map.entries) {
      if (same_key(entry.key, key)) return entry.value;
    }
    return std::nullopt;
  }
  const std::size_t mask = map.index.size() - 1;
  for (std::size_t slot = hash_key(key) & mask; map.index[slot] != 0; slot = (slot + 1) & mask) {
    work.charge(1);
    const Entry& entry = map.entries[map.index[slot] - 1];
    if (same_key(entry.key, key)) return entry.value;
  }
  return std::nullopt;
}

bool equal_maps(Work& work, const Value& left, const Value& right, int depth) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const Entry entry = left.entry(i);
    const std::optional<Value> other = find(work, right, entry.key);
    if (!other || !equal(work, entry.value, *other, depth)) return false;
  }
  return true;
}

}  // namespace

Value Value::from_json(const Json& json) {
  switch (json.GetType()) {
    case rapidjson::kNullType:
      return null();
    case rapidjson::kFalseType:
      return boolean(false);
    case rapidjson::kTrueType:
      return boolean(true);
    case rapidjson::kStringType:
      return string(text_of(json));
    case rapidjson::kNumberType:
      if (json.IsInt64()) return integer(json.GetInt64());
      if (json.IsUint64()) return unsigned_integer(json.GetUint64());
      return real(json.GetDouble());
    case rapidjson::kArrayType:
    case rapidjson::kObjectType:
      break;
  }
  return with(json.IsArray() ? Kind::kList : Kind::kMap, [&](Value& v) { v.json_ = true, v.json_value_ = &json; });
}

double Value::number() const {
  if (is(Kind::kInt)) return static_cast<double>(int_);
  if (is(Kind::kUint)) return static_cast<double>(uint_);
  return double_;
}

std::size_t Value::size() const {
  if (is(Kind::kList)) return json_ ? json_value_->Size() : items_.size;
  return json_ ? json_value_->MemberCount() : map_->entries.size();
}

Value Value::item(std::size_t at) const {
  return json_ ? from_json((*json_value_)[static_cast<rapidjson::SizeType>(at)]) : items_.data[at];
}

Entry Value::entry(std::size_t at) const {
  if (!json_) return map_->entries[at];
  const auto& member = json_value_->MemberBegin()[static_cast<std::ptrdiff_t>(at)];
  return {string(text_of(member.name)), from_json(member.value)};
}

std::string_view type_name(Kind kind) {
  switch (kind) {
    case Kind::kError:
      return "error";
    case Kind::kNull:
      return "null_type";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return kTimestampType;
    case Kind::kDuration:
      return kDurationType;
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kType:
      return "type";
  }
  return "error";
}

std::optional<Value> find(Work& work, const Value& map, const Value& key) {
  if (!map.json_) return find_entry(work, *map.map_, key);
  if (!key.is(Kind::kString)) return std::nullopt;
  work.charge(map.json_value_->MemberCount() / 16);  // a JSON object is searched member by member
  const Json* member = sluice::find(*map.json_value_, key.text());
  if (member == nullptr) return std::nullopt;
  return Value::from_json(*member);
}

std::expected<Value, std::string_view> make_map(Work& work, std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    if (!is_key(entry.key)) return std::unexpected("unsupported key type: a key is an int, uint, bool or string");
  }
  constexpr std::string_view kRepeated = "repeated key in a map";
  MapData* data = work.array<MapData>(1).data();
  *data = {entries, {}};
  if (entries.size() < kIndexedEntries) {
    for (std::size_t i = 1; i < entries.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (same_key(entries[i].key, entries[j].key)) return std::unexpected(kRepeated);
      }
    }
    return Value::map(data);
  }
  const std::span<std::uint32_t> index = work.array<std::uint32_t>(std::bit_ceil(entries.size() * 2));
  for (std::uint32_t& slot : index) slot = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!insert(work, index, entries, i)) return std::unexpected(kRepeated);
  }
  data->index = index;
  return Value::map(data);
}

bool equal(Work& work, const Value& left, const Value& right, int depth) {
  work.charge(1);
  if (depth > kMaxValueDepth) work.too_deep();
  if (left.is_number() && right.is_number()) return order_numbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kBool:
      return left.as_bool() == right.as_bool();
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      work.charge_text(left.text().size());
      return left.text() == right.text();
    case Kind::kTimestamp:
      return left.as_timestamp() == right.as_timestamp();
    case Kind::kDuration:
      return left.as_int() == right.as_int();
    case Kind::kMap:
      return equal_maps(work, left, right, depth + 1);
    case Kind::kList:
      if (left.size() != right.size()) return false;
      for (std::size_t i = 0; i < left.size(); ++i) {
        if (!equal(work, left.item(i), right.item(i), depth + 1)) return false;
      }
      return true;
    default:
      return left.is(Kind::kNull);
  }
}

std::optional<std::partial_ordering> order(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) return order_numbers(left, right);
  if (left.kind() != right.kind()) return std::nullopt;
  switch (left.kind()) {
    case Kind::kBool:
      return left.as_bool() <=> right.as_bool();
    case Kind::kString:  // the order of UTF-8's bytes is that of the code points
    case Kind::kBytes:
      return left.text() <=> right.text();
    case Kind::kTimestamp:
      return left.as_timestamp() <=> right.as_timestamp();
    case Kind::kDuration:
      return left.as_int() <=> right.as_int();
    default:
      return std::nullopt;
  }
}

Value fail(Work& work, std::uint32_t offset, std::string_view message) {
  Failure* failure = work.array<Failure>(1).data();
  *failure = {work.keep(message), offset};
  return Value::error(failure);
}

}  // namespace sluice::cel
