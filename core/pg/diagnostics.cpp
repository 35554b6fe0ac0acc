#include "core/pg/diagnostics.h"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "core/base/log.h"

namespace sluice::pg {
namespace {

std::string field(const pg_result* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? text : "";
}

// Splits libpq's text into lines without leading tabs and the empty ones.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    line.remove_prefix(std::min(line.find_first_not_of("\t "), line.size()));
    if (!line.empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Takes the SQLSTATE out of "FATAL:  28P01: password authentication failed"; the severity may be in any language.
std::string take_sqlstate(std::string& line) {
  constexpr std::size_t kLength = 5;
  for (auto at = line.find(":  "); at != std::string::npos; at = line.find(":  ", at + 1)) {
    const std::string code = line.substr(at + 3, kLength);
    const bool all = std::ranges::all_of(code, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
    if (code.size() != kLength || !all || line.compare(at + 3 + kLength, 2, ": ") != 0) continue;
    line.erase(at + 2, kLength + 2);
    return code;
  }
  return {};
}

}  // namespace

PgError::Fields error_fields(const pg_result* result) {
  PgError::Fields fields{.sqlstate = field(result, PG_DIAG_SQLSTATE),
                         .message = field(result, PG_DIAG_MESSAGE_PRIMARY),
                         .detail = field(result, PG_DIAG_MESSAGE_DETAIL),
                         .hint = field(result, PG_DIAG_MESSAGE_HINT),
                         .statement = {},
                         .constraint = field(result, PG_DIAG_CONSTRAINT_NAME),
                         .context = field(result, PG_DIAG_CONTEXT)};
  const std::string position = field(result, PG_DIAG_STATEMENT_POSITION);
  std::from_chars(position.data(), position.data() + position.size(), fields.position);
  if (fields.message.empty()) {  // libpq made it itself
    const std::vector<std::string> lines = lines_of(PQresultErrorMessage(result));
    fields.message = lines.empty() ? "the statement failed without a message" : lines.front();
  }
  return fields;
}

std::string connection_message(const pg_conn* connection) {
  const std::vector<std::string> lines = lines_of(PQerrorMessage(connection));
  return lines.empty() ? "no reason is known" : lines.front();
}

PgError connect_failure(const pg_conn* connection) {
  PgError::Fields fields;
  // Of several hosts each has left its lines; all are told, and the last SQLSTATE decides.
  for (std::string& line : lines_of(PQerrorMessage(connection))) {
    if (line.starts_with("LOCATION:") || line.starts_with("Is the server running")) continue;
    if (std::string sqlstate = take_sqlstate(line); !sqlstate.empty()) fields.sqlstate = std::move(sqlstate);
    fields.message += (fields.message.empty() ? "" : "; ") + line;
  }
  fields.message = "cannot connect to the database: " + fields.message;
  const bool refused = fields.sqlstate.starts_with("28");
  fields.hint = refused ? "check the role and its password in the DSN or in ~/.pgpass, and pg_hba.conf"
                        : "check that PostgreSQL runs and that the DSN names its host, port and database";
  if (fields.sqlstate != "55000") return PgError(std::move(fields));
  // Refused whoever asks, until somebody opens it again: no more permanent than a stopped server.
  fields.hint = "ALTER DATABASE ... ALLOW_CONNECTIONS true opens it";
  return {ErrorKind::kLost, std::move(fields)};
}

void log_notice(void* /*unused*/, const pg_result* notice) noexcept {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  const bool warning =
      severity != nullptr && (std::strcmp(severity, "NOTICE") != 0 && std::strcmp(severity, "INFO") != 0 &&
                              std::strcmp(severity, "LOG") != 0 && std::strcmp(severity, "DEBUG") != 0);
  const LogLevel level = warning ? LogLevel::kWarn : LogLevel::kDebug;
  if (!log_enabled(level)) return;
  const PgError::Fields fields = error_fields(notice);
  const LogField logged[] = {{"notice", fields.message}, {"sqlstate", fields.sqlstate}, {"detail", fields.detail}};
  log(level, "the database says", {logged, fields.detail.empty() ? 2U : 3U});
}

}  // namespace sluice::pg
