// The two ways to the database: database.dsn, on which a pooler may hand each transaction to another server process,
// and database.session_dsn (docs/decisions/0042).
#pragma once

#include <string>

#include "core/pg/connection.h"
#include "core/service/options.h"

namespace sluice {

// For what asks in transactions alone.
[[nodiscard]] pg::ConnectOptions database_of(const Options& options, std::string application_name);

// For what listens, or holds locks between transactions: by database.session_dsn, or database.dsn where none is given.
[[nodiscard]] pg::ConnectOptions session_of(const Options& options, std::string application_name);

// Throws ConfigError when there is only a way through a pooler, which `connection` has found. `what` wants more.
void require_session(const Options& options, const pg::Connection& connection, std::string_view what);

}  // namespace sluice
