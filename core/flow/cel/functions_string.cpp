// The standard's functions on text and the strings extension. Positions count code points.
#include <fmt/format.h>

#include <algorithm>

#include "core/flow/cel/functions.h"
#include "core/flow/cel/pattern.h"
#include "core/flow/cel/utf8.h"

namespace sluice::cel {
namespace {

constexpr Kind kText = Kind::kString;
constexpr std::uint64_t kCompileSteps = 5'000;  // a pattern that is no literal is compiled at each call

// Searching is bounded by both lengths multiplied.
void charge_search(const Call& call, std::string_view text, std::string_view wanted) {
  call.work.charge(1 + text.size() / 64 + text.size() * wanted.size() / 4096);
}

Value contains(const Call& call) {
  if (!call.takes(kText, kText)) return call.no_overload();
  charge_search(call, call.args[0].text(), call.args[1].text());
  return Value::boolean(call.args[0].text().contains(call.args[1].text()));
}

Value starts_with(const Call& call) {
  if (!call.takes(kText, kText)) return call.no_overload();
  return Value::boolean(call.args[0].text().starts_with(call.args[1].text()));
}

Value ends_with(const Call& call) {
  if (!call.takes(kText, kText)) return call.no_overload();
  return Value::boolean(call.args[0].text().ends_with(call.args[1].text()));
}

Value matches(const Call& call) {
  if (!call.takes(kText, kText)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::string_view expression = call.args[1].text();
  std::shared_ptr<const Pattern> pattern = call.node.pattern;
  if (pattern == nullptr) {
    call.work.charge(kCompileSteps);
    pattern = std::make_shared<const Pattern>(expression);
  }
  if (!pattern->error().empty()) return call.error(pattern->error());
  call.work.charge(pattern->cost(text.size()));
  return Value::boolean(pattern->found_in(text));
}

Value index_error(const Call& call, std::int64_t index) {
  return call.error(fmt::format("index out of range: {}", index));
}

// Whether `index` names a place in `text`, its end included when `with_end`; charges for the walk there.
bool in_range(const Call& call, std::string_view text, std::int64_t index, bool with_end) {
  call.work.charge_text(text.size());
  if (index < 0) return false;
  const std::size_t size = count_code_points(text);
  return static_cast<std::uint64_t>(index) < size + (with_end ? 1 : 0);
}

Value char_at(const Call& call) {
  if (!call.takes(kText, Kind::kInt)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::int64_t index = call.args[1].as_int();
  if (!in_range(call, text, index, true)) return index_error(call, index);
  const std::string_view rest = text.substr(byte_of(text, static_cast<std::size_t>(index)));
  return Value::string(rest.empty() ? rest : rest.substr(0, first_code_point(rest).length));
}

Value position(std::string_view text, std::size_t byte) {
  return Value::integer(
      byte == std::string_view::npos ? -1 : static_cast<std::int64_t>(count_code_points(text.substr(0, byte))));
}

Value index_of(const Call& call) {
  if (!call.takes(kText, kText) && !call.takes(kText, kText, Kind::kInt)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::string_view wanted = call.args[1].text();
  charge_search(call, text, wanted);
  if (call.args.size() == 2) return position(text, text.find(wanted));
  const std::int64_t from = call.args[2].as_int();
  if (!in_range(call, text, from, wanted.empty())) return index_error(call, from);
  return position(text, text.find(wanted, byte_of(text, static_cast<std::size_t>(from))));
}

// The offset is the last place where the wanted text may begin.
Value last_index_of(const Call& call) {
  if (!call.takes(kText, kText) && !call.takes(kText, kText, Kind::kInt)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::string_view wanted = call.args[1].text();
  charge_search(call, text, wanted);
  if (call.args.size() == 2) return position(text, text.rfind(wanted));
  const std::int64_t from = call.args[2].as_int();
  if (!in_range(call, text, from, wanted.empty())) return index_error(call, from);
  return position(text, text.rfind(wanted, byte_of(text, static_cast<std::size_t>(from))));
}

Value substring(const Call& call) {
  if (!call.takes(kText, Kind::kInt) && !call.takes(kText, Kind::kInt, Kind::kInt)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::int64_t start = call.args[1].as_int();
  if (!in_range(call, text, start, true)) return index_error(call, start);
  const std::size_t from = byte_of(text, static_cast<std::size_t>(start));
  if (call.args.size() == 2) return Value::string(text.substr(from));
  const std::int64_t end = call.args[2].as_int();
  if (!in_range(call, text, end, true)) return index_error(call, end);
  if (end < start) return call.error(fmt::format("invalid substring range. start: {}, end: {}", start, end));
  return Value::string(text.substr(from, byte_of(text, static_cast<std::size_t>(end)) - from));
}

template <typename Change>
Value changed_ascii(const Call& call, Change change) {
  if (!call.takes(kText)) return call.no_overload();
  GrowingText made(call.work);
  for (const char c : call.args[0].text()) made << change(c);
  call.work.charge_text(call.args[0].text().size());
  return Value::string(made.text());
}

Value lower_ascii(const Call& call) {
  return changed_ascii(call, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
}
Value upper_ascii(const Call& call) {
  return changed_ascii(call, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
}

Value replace(const Call& call) {
  if (!call.takes(kText, kText, kText) && !call.takes(kText, kText, kText, Kind::kInt)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  const std::string_view from = call.args[1].text();
  const std::string_view to = call.args[2].text();
  std::int64_t left = call.args.size() == 4 ? call.args[3].as_int() : -1;  // negative: without limit
  charge_search(call, text, from);
  GrowingText made(call.work);
  std::size_t at = 0;
  while (left != 0) {
    const std::size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    call.work.charge(1);
    made << text.substr(at, found - at) << to;
    at = found + from.size();
    if (left > 0) --left;
    if (!from.empty()) continue;
    if (at == text.size()) return Value::string(made.text());
    const std::size_t next =
        first_code_point(text.substr(at)).length;  // an empty text is found between all code points
    made << text.substr(at, next);
    at += next;
  }
  made << text.substr(at);
  return Value::string(made.text());
}

Value split(const Call& call) {
  if (!call.takes(kText, kText) && !call.takes(kText, kText, Kind::kInt)) return call.no_overload();
  std::string_view text = call.args[0].text();
  const std::string_view separator = call.args[1].text();
  const std::int64_t limit = call.args.size() == 3 ? call.args[2].as_int() : -1;  // negative: without limit
  charge_search(call, text, separator);
  Growing<Value> parts(call.work);
  if (limit == 0) return Value::list({});
  while (limit < 0 || parts.size() + 1 < static_cast<std::uint64_t>(limit)) {
    std::size_t end = text.find(separator);
    if (separator.empty()) end = text.empty() ? std::string_view::npos : first_code_point(text).length;
    if (end == std::string_view::npos || (separator.empty() && end == text.size())) break;
    call.work.charge(1);
    parts.push(Value::string(text.substr(0, end)));
    text.remove_prefix(end + separator.size());
  }
  if (!separator.empty() || !text.empty()) parts.push(Value::string(text));
  return Value::list(parts.items());
}

Value join(const Call& call) {
  if (!call.takes(Kind::kList) && !call.takes(Kind::kList, kText)) return call.no_overload();
  const std::string_view separator = call.args.size() == 2 ? call.args[1].text() : std::string_view();
  GrowingText made(call.work);
  for (std::size_t i = 0; i < call.args[0].size(); ++i) {
    const Value item = call.args[0].item(i);
    if (!item.is(kText))
      return call.error(fmt::format("no such overload: join() of a list with {}", type_name(item.kind())));
    call.work.charge(1);
    if (i > 0) made << separator;
    made << item.text();
  }
  return Value::string(made.text());
}

// Unicode's White_Space property.
bool is_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

Value trim(const Call& call) {
  if (!call.takes(kText)) return call.no_overload();
  std::string_view text = call.args[0].text();
  call.work.charge_text(text.size());
  while (!text.empty() && is_space(first_code_point(text).code)) text.remove_prefix(first_code_point(text).length);
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = first_code_point(text.substr(at));
    at += next.length;
    if (!is_space(next.code)) end = at;
  }
  return Value::string(text.substr(0, end));
}

Value reverse(const Call& call) {
  if (!call.takes(kText)) return call.no_overload();
  const std::string_view text = call.args[0].text();
  call.work.charge_text(text.size());
  const std::span<char> made = call.work.array<char>(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = first_code_point(text.substr(at)).length;
    std::ranges::copy(text.substr(at, bytes), made.end() - static_cast<std::ptrdiff_t>(at + bytes));
    at += bytes;
  }
  return Value::string({made.data(), made.size()});
}

// The text as a literal that stands for it.
Value quote(const Call& call) {
  if (!call.takes(kText)) return call.no_overload();
  static constexpr std::string_view kPlain = "\a\b\f\n\r\t\v\\\"";
  static constexpr std::string_view kEscaped = "abfnrtv\\\"";
  GrowingText made(call.work);
  made << '"';
  std::string_view text = call.args[0].text();
  call.work.charge_text(text.size());
  while (!text.empty()) {
    const Utf8Char next = first_code_point(text);
    if (const std::size_t at = kPlain.find(text.front()); at != std::string_view::npos) {
      made << '\\' << kEscaped[at];
    } else if (next.valid) {
      made << text.substr(0, next.length);
    } else {
      made << "\ufffd";
    }
    text.remove_prefix(next.length);
  }
  made << '"';
  return Value::string(made.text());
}

constexpr Function kFunctions[]{
    {"contains", Style::kMember, 2, 2, contains},
    {"startsWith", Style::kMember, 2, 2, starts_with},
    {"endsWith", Style::kMember, 2, 2, ends_with},
    {"matches", Style::kMember, 2, 2, matches},
    {"matches", Style::kGlobal, 2, 2, matches},
    {"charAt", Style::kMember, 2, 2, char_at},
    {"indexOf", Style::kMember, 2, 3, index_of},
    {"lastIndexOf", Style::kMember, 2, 3, last_index_of},
    {"substring", Style::kMember, 2, 3, substring},
    {"lowerAscii", Style::kMember, 1, 1, lower_ascii},
    {"upperAscii", Style::kMember, 1, 1, upper_ascii},
    {"replace", Style::kMember, 3, 4, replace},
    {"split", Style::kMember, 2, 3, split},
    {"join", Style::kMember, 1, 2, join},
    {"trim", Style::kMember, 1, 1, trim},
    {"reverse", Style::kMember, 1, 1, reverse},
    {"format", Style::kMember, 2, 2, format_text},
    {"strings.quote", Style::kGlobal, 1, 1, quote},
};

}  // namespace

std::span<const Function> string_functions() {
  return kFunctions;
}

}  // namespace sluice::cel
