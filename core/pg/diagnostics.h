// What libpq says, as errors and log events. Inside this folder only.
#pragma once

#include <string>

#include "core/pg/pg_error.h"

struct pg_conn;
struct pg_result;

namespace sluice::pg {

// Of a result whose status is an error.
[[nodiscard]] PgError::Fields error_fields(const pg_result* result);

// libpq's words for the state of a connection, on one line and without its advice.
[[nodiscard]] std::string connection_message(const pg_conn* connection);

// Of an attempt to connect that failed, with PQERRORS_VERBOSE in force while it ran: libpq keeps the SQLSTATE nowhere
// else.
[[nodiscard]] PgError connect_failure(const pg_conn* connection);

// The receiver of notices: warnings are logged as such, all others for debugging. Called on any thread.
void log_notice(void* unused, const pg_result* notice) noexcept;

}  // namespace sluice::pg
