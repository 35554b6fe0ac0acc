#include "core/flow/session.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>

namespace sluice::flow {
namespace {

constexpr std::array<std::string_view, 3> kStatuses{"active", "completed", "abandoned"};

// A number's text, exact for integers; doubles by their writer.
std::size_t number_size(const Json& number) {
  std::array<char, 32> digits{};
  if (number.IsInt64()) return std::to_chars(digits.begin(), digits.end(), number.GetInt64()).ptr - digits.data();
  if (number.IsUint64()) return std::to_chars(digits.begin(), digits.end(), number.GetUint64()).ptr - digits.data();
  return sluice::to_text(number).size();
}

std::size_t string_size(std::string_view text) {
  std::size_t size = text.size() + 2;
  if (is_plain(text)) return size;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f') {
      size += 1;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      size += 5;
    }
  }
  return size;
}

// The last `count` digits of a number, in place of those from `at` on. Every step writes two times: a format would be
// a twentieth of its work.
void write_digits(std::string& text, std::size_t at, int count, std::int64_t number) {
  for (std::size_t place = at + static_cast<std::size_t>(count); place-- > at; number /= 10) {
    text[place] = static_cast<char>('0' + number % 10);
  }
}

bool is_kind(const Json& value, std::string_view type) {
  if (type == "string" || type == "text") return value.IsString();
  if (type == "number" || type == "float") return value.IsNumber();
  if (type == "integer") return value.IsInt64() || value.IsUint64();
  if (type == "boolean") return value.IsBool();
  if (type == "list" || type == "array") return value.IsArray();
  if (type == "object" || type == "map") return value.IsObject();
  return true;
}

}  // namespace

std::string_view to_text(Status status) {
  return kStatuses[static_cast<std::size_t>(status)];
}

std::optional<Status> status_from(std::string_view text) {
  for (std::size_t i = 0; i < kStatuses.size(); ++i) {
    if (kStatuses[i] == text) return static_cast<Status>(i);
  }
  return std::nullopt;
}

Session Session::copy() const {
  return {.id = id,
          .user_id = user_id,
          .started_at = started_at,
          .current_node = current_node,
          .status = status,
          .revision = revision,
          .state = clone(state),
          .stack = clone(stack),
          .wait = clone(wait),
          .info = clone(info)};
}

Session Session::take_over() {
  Json taken(std::move(state));
  state.SetNull();
  Session next = copy();
  next.state = std::move(taken);
  return next;
}

std::string wait_key(std::string_view session_id, std::string_view node_id, int revision) {
  return fmt::format("{}:{}:{}", session_id, node_id, revision);
}

std::uint64_t seed_of(std::string_view session_id) {
  std::uint64_t seed = 1469598103934665603ULL;  // FNV-1a
  for (const char c : session_id) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return seed;
}

std::string to_text(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text = "0000-00-00T00:00:00.000000Z";
  write_digits(text, 0, 4, static_cast<int>(date.year()));
  write_digits(text, 5, 2, static_cast<unsigned>(date.month()));
  write_digits(text, 8, 2, static_cast<unsigned>(date.day()));
  write_digits(text, 11, 2, clock.hours().count());
  write_digits(text, 14, 2, clock.minutes().count());
  write_digits(text, 17, 2, clock.seconds().count());
  write_digits(text, 20, 6, clock.subseconds().count());
  return text;
}

std::size_t text_size(const Json& value, std::size_t enough) {
  if (value.IsString()) return string_size(text_of(value));
  if (value.IsNumber()) return number_size(value);
  if (value.IsArray()) {
    std::size_t size = 2 + (value.Empty() ? 0 : value.Size() - 1);
    for (const auto& item : value.GetArray()) {
      if (size > enough) return size;
      size += text_size(item, enough - size);
    }
    return size;
  }
  if (value.IsObject()) {
    std::size_t size = 2 + (value.ObjectEmpty() ? 0 : value.MemberCount() - 1);
    for (const auto& member : value.GetObject()) {
      if (size > enough) return size;
      size += string_size(text_of(member.name)) + 1;
      size += text_size(member.value, enough > size ? enough - size : 0);
    }
    return size;
  }
  return value.IsFalse() ? 5 : 4;
}

std::expected<void, std::string> check_size(const Json& state) {
  if (text_size(state, kMaxStateBytes) <= kMaxStateBytes) return {};
  return std::unexpected(fmt::format("the state would be larger than the limit of 1 MiB ({} bytes)", kMaxStateBytes));
}

std::string_view flow_reference(const Json& content) {
  return string_member(content, "flow", string_member(content, "flow_id"));
}

void apply_defaults(const Json& declarations, Json& variables) {
  for (const auto& entry : declarations.GetObject()) {
    const auto name = text_of(entry.name);
    const Json* value = find(entry.value, "default");
    if (value != nullptr && find(variables, name) == nullptr) set(variables, name, clone(*value));
  }
}

std::expected<Json, std::string> as_declared(const Json& declarations, std::string_view path, Json value) {
  constexpr std::string_view kScope = "variables.";
  if (!path.starts_with(kScope) || value.IsNull()) return value;
  const Json* declaration = find(declarations, path.substr(kScope.size()));
  const auto type = declaration != nullptr ? string_member(*declaration, "type") : std::string_view{};
  if (is_kind(value, type)) return value;
  if (value.IsString() && (type == "number" || type == "integer" || type == "float" || type == "boolean")) {
    if (auto parsed = parse_json(text_of(value)); parsed && is_kind(*parsed, type)) return std::move(*parsed);
  } else if (value.IsNumber() && (type == "string" || type == "text")) {
    return make_string(sluice::to_text(value));
  }
  return std::unexpected(
      fmt::format("{} is declared as {} and cannot be {}", path, type, sluice::to_text(value).substr(0, 80)));
}

}  // namespace sluice::flow
