// JSON values that own their memory: a rapidjson value on the C heap, so that it can be moved, stored and freed like
// any other value, without an allocator to outlive it. Everything above uses these names; rapidjson's own stay in this
// file's pair.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice {

using JsonAllocator = rapidjson::CrtAllocator;
using Json = rapidjson::GenericValue<rapidjson::UTF8<>, JsonAllocator>;

// Stateless; rapidjson's member functions that allocate want one.
JsonAllocator& json_allocator();

struct JsonLimits {
  std::size_t max_bytes = 16U << 20U;
  int max_depth = 128;
};

struct JsonError {
  std::string message;     // lower case, without position
  std::size_t offset = 0;  // byte of the text where it was found
};

// Parses UTF-8 text (RFC 8259, encoding validated, no NaN or comments). Iterative: nesting cannot exhaust the stack.
// A number beyond int64/uint64 becomes a double. Of equal keys in one object the last wins, as in jsonb.
[[nodiscard]] std::expected<Json, JsonError> parse_json(std::string_view text, JsonLimits limits = {});

// Whether a string's text is written as it stands: nothing in it has to be escaped.
[[nodiscard]] bool is_plain(std::string_view text) noexcept;

// Compact text: no white space, non-ASCII as UTF-8, doubles in shortest round-trip form (2.0 stays 2.0).
[[nodiscard]] std::string to_text(const Json& value);

[[nodiscard]] Json make_object();
[[nodiscard]] Json make_array();
[[nodiscard]] Json make_string(std::string_view text);
[[nodiscard]] Json clone(const Json& value);

// The member, or nullptr when `object` is no object or lacks it. The pointer lives until the object is next changed.
[[nodiscard]] const Json* find(const Json& object, std::string_view key);
[[nodiscard]] Json* find(Json& object, std::string_view key);

// The text of a member that is a string, else `fallback`. The view lives as long as the member.
[[nodiscard]] std::string_view string_member(const Json& object, std::string_view key, std::string_view fallback = {});

// Sets a member, replacing one of that name in place (order is kept). `object` must be an object. Returns the stored
// member.
Json& set(Json& object, std::string_view key, Json value);
Json& set(Json& object, std::string_view key, std::string_view text);

void push(Json& array, Json value);

[[nodiscard]] inline std::string_view text_of(const Json& string) {
  return {string.GetString(), string.GetStringLength()};
}

// Typed equality: numbers by value whatever their representation (1 == 1.0), true never equals 1, objects without
// order.
[[nodiscard]] bool equal(const Json& left, const Json& right);

// Merges `updates` into `target`: objects member by member to any depth, everything else replaces (FLOW 2).
void deep_merge(Json& target, const Json& updates);

}  // namespace sluice
