// Structured logging: one event a line on standard error, as text or JSON. Safe from any thread.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sluice {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

[[nodiscard]] std::string_view to_text(LogLevel level);  // "debug", "info", "warn", "error"
[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view text);
[[nodiscard]] std::optional<LogFormat> log_format_from(std::string_view text);  // "text", "json"

// A key in snake_case and a value. Text is viewed, not copied: a field lives no longer than the call that logs it.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view name, std::convertible_to<std::string_view> auto const& text)
      : key(name), value(std::string_view(text)) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag) {}
  LogField(std::string_view name, double number) : key(name), value(number) {}
  LogField(std::string_view name, std::signed_integral auto number) : key(name), value(std::int64_t{number}) {}
  LogField(std::string_view name, std::unsigned_integral auto number) : key(name), value(std::uint64_t{number}) {}

  std::string_view key;
  Value value;
};

struct LogEvent {
  std::chrono::system_clock::time_point time;
  LogLevel level;
  std::string_view message;
  std::span<const LogField> fields;
};

// Where events go; called for events at or above the level, one at a time, and must not log itself.
using LogSink = std::function<void(const LogEvent&)>;

// Until called: text at level info. Level and format may be set again at any time.
void configure_log(LogLevel level, LogFormat format);

// Sends events to `sink` in place of standard error (journald, tests); an empty sink restores standard error.
void set_log_sink(LogSink sink);

[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

// `message` says what happened, in lower case and without variable parts: those are fields. Control characters and
// quotes in messages and values are escaped, so that no value can forge a line or a field.
void log(LogLevel level, std::string_view message, std::span<const LogField> fields);

inline void log_debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kDebug, message, {fields.begin(), fields.size()});
}
inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kInfo, message, {fields.begin(), fields.size()});
}
inline void log_warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kWarn, message, {fields.begin(), fields.size()});
}
inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::kError, message, {fields.begin(), fields.size()});
}

// The line as it is written, without its newline.
[[nodiscard]] std::string format_log_line(const LogEvent& event, LogFormat format);

}  // namespace sluice
