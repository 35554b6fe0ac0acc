#include "core/base/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cmath>
#include <iterator>
#include <mutex>

#include "core/base/time.h"
#include "core/base/utf8.h"

namespace sluice {
namespace {

void append_escaped(std::string& line, std::string_view text, LogFormat format) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (!character.valid) {
      // JSON has no way to say a byte, so the replacement character stands for it.
      format == LogFormat::kJson ? line.append("\xEF\xBF\xBD")
                                 : line.append(fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at])));
    } else if (character.code == '\n') {
      line.append("\\n");
    } else if (character.code == '\r') {
      line.append("\\r");
    } else if (character.code == '\t') {
      line.append("\\t");
    } else if (character.code == '"' || character.code == '\\') {
      line.push_back('\\');
      line.push_back(static_cast<char>(character.code));
    } else if (acts_on_display(character.code)) {
      line.append(fmt::format("\\u{:04x}", static_cast<unsigned>(character.code)));
    } else {
      line.append(text.substr(at, character.length));
    }
    at += character.length;
  }
}

void append_quoted(std::string& line, std::string_view text, LogFormat format) {
  line.push_back('"');
  append_escaped(line, text, format);
  line.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (!character.valid || acts_on_display(character.code) || character.code == ' ' || character.code == '"' ||
        character.code == '=' || character.code == '\\') {
      return true;
    }
    at += character.length;
  }
  return false;
}

void append_value(std::string& line, const LogField::Value& value, LogFormat format) {
  const auto append = [&](const auto& held) {
    using T = std::decay_t<decltype(held)>;
    if constexpr (std::is_same_v<T, std::string_view>) {
      if (format == LogFormat::kJson || needs_quotes(held)) {
        append_quoted(line, held, format);
      } else {
        line.append(held);
      }
    } else if constexpr (std::is_same_v<T, double>) {
      const bool representable = format == LogFormat::kText || std::isfinite(held);
      representable ? fmt::format_to(std::back_inserter(line), "{}", held)
                    : fmt::format_to(std::back_inserter(line), "null");
    } else {
      fmt::format_to(std::back_inserter(line), "{}", held);
    }
  };
  std::visit(append, value);
}

std::shared_ptr<spdlog::logger> stderr_logger() {
  auto logger = std::make_shared<spdlog::logger>("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

struct Log {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::atomic<LogFormat> format{LogFormat::kText};
  std::mutex mutex;  // guards sink
  LogSink sink;
  std::shared_ptr<spdlog::logger> to_stderr = stderr_logger();
};

// Never destroyed: destructors of static objects may log.
Log& the_log() {
  static auto& log = *new Log;
  return log;
}

}  // namespace

std::string_view to_text(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<int>(level)];
}

std::optional<LogLevel> log_level_from(std::string_view text) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (text == to_text(level)) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> log_format_from(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return std::nullopt;
}

void configure_log(LogLevel level, LogFormat format) {
  the_log().level = level;
  the_log().format = format;
}

void set_log_sink(LogSink sink) {
  Log& state = the_log();
  const std::scoped_lock lock(state.mutex);
  state.sink = std::move(sink);
}

bool log_enabled(LogLevel level) noexcept {
  return level >= the_log().level.load(std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (!log_enabled(level)) return;
  Log& state = the_log();
  const LogEvent event{std::chrono::system_clock::now(), level, message, fields};
  {
    const std::scoped_lock lock(state.mutex);
    if (state.sink) {
      state.sink(event);
      return;
    }
  }
  const std::string line = format_log_line(event, state.format);
  state.to_stderr->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::string format_log_line(const LogEvent& event, LogFormat format) {
  const std::string time = to_rfc3339(std::chrono::floor<std::chrono::microseconds>(event.time));
  std::string line;
  if (format == LogFormat::kText) {
    line = fmt::format("{} {:<5} ", time, to_text(event.level));
    append_escaped(line, event.message, format);
    for (const LogField& field : event.fields) {
      line.push_back(' ');
      append_escaped(line, field.key, format);
      line.push_back('=');
      append_value(line, field.value, format);
    }
    return line;
  }
  line = fmt::format(R"({{"time":"{}","level":"{}","message":)", time, to_text(event.level));
  append_quoted(line, event.message, format);
  for (const LogField& field : event.fields) {
    line.push_back(',');
    append_quoted(line, field.key, format);
    line.push_back(':');
    append_value(line, field.value, format);
  }
  line.push_back('}');
  return line;
}

}  // namespace sluice
