#include "core/service/database.h"

#include "core/base/errors.h"

namespace sluice {

// Who has nothing but a pool in session mode names it twice, and has prepared statements.
pg::ConnectOptions database_of(const Options& options, std::string application_name) {
  const std::string& dsn = options.text("database.dsn");
  return {.dsn = dsn,
          .application_name = std::move(application_name),
          .session = !dsn.empty() && dsn == options.text("database.session_dsn")};
}

pg::ConnectOptions session_of(const Options& options, std::string application_name) {
  const std::string& dsn = options.text("database.session_dsn");
  if (dsn.empty()) return database_of(options, std::move(application_name));
  return {.dsn = dsn, .application_name = std::move(application_name), .session = true};
}

void require_session(const Options& options, const pg::Connection& connection, std::string_view what) {
  if (!connection.pooled() || !options.text("database.session_dsn").empty()) return;
  throw ConfigError("database.dsn leads to a pooler, and " + std::string(what) + " needs a session of its own",
                    "set database.session_dsn to the server itself, or to a pool in session mode (docs/operations.md)");
}

}  // namespace sluice
