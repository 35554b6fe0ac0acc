#include "core/service/journal.h"

#include <fmt/format.h>
#include <sys/uio.h>
#include <syslog.h>

#define SD_JOURNAL_SUPPRESS_LOCATION  // the place in this file says nothing about the event
#include <systemd/sd-journal.h>

#include <cctype>
#include <variant>
#include <vector>

namespace sluice {
namespace {

int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return LOG_DEBUG;
    case LogLevel::kInfo:
      return LOG_INFO;
    case LogLevel::kWarn:
      return LOG_WARNING;
    case LogLevel::kError:
      return LOG_ERR;
  }
  return LOG_INFO;
}

std::string value_text(const LogField& field) {
  return std::visit([](const auto& value) { return fmt::format("{}", value); }, field.value);
}

std::string field_name(std::string_view key) {
  std::string name = "SLUICE_";
  for (const unsigned char c : key) name += std::isalnum(c) != 0 ? static_cast<char>(std::toupper(c)) : '_';
  return name.substr(0, 64);  // the journal's limit
}

// In the one-line message a value must not look like a line of its own.
void append_printable(std::string& message, std::string_view text) {
  for (const unsigned char c : text) message += c < 0x20 || c == 0x7f ? '?' : static_cast<char>(c);
}

}  // namespace

LogSink journal_sink(std::string identifier) {
  return [identifier = "SYSLOG_IDENTIFIER=" + std::move(identifier)](const LogEvent& event) {
    std::string message = "MESSAGE=";
    append_printable(message, event.message);
    std::vector<std::string> entries{identifier, fmt::format("PRIORITY={}", priority_of(event.level))};
    for (const LogField& field : event.fields) {
      const std::string value = value_text(field);
      message += ' ';
      append_printable(message, field.key);
      message += '=';
      append_printable(message, value);
      entries.push_back(field_name(field.key) + "=" + value);
    }
    entries.push_back(std::move(message));
    std::vector<iovec> parts;
    parts.reserve(entries.size());
    for (std::string& entry : entries) parts.push_back({entry.data(), entry.size()});
    sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
  };
}

}  // namespace sluice
