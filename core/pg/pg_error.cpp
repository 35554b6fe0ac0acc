#include "core/pg/pg_error.h"

namespace sluice::pg {
namespace {

ExitCode exit_code_of(ErrorKind kind, std::string_view sqlstate) {
  if (sqlstate.starts_with("28") || sqlstate == "42501") return ExitCode::kNotPermitted;
  // An unknown database and a full server are as unreachable as a stopped one.
  const bool unavailable = kind == ErrorKind::kLost || sqlstate == "3D000" || sqlstate == "53300";
  return unavailable ? ExitCode::kUnavailable : ExitCode::kFailed;
}

}  // namespace

PgError::PgError(ErrorKind kind, Fields fields)
    : Error(fields.message, fields.hint, exit_code_of(kind, fields.sqlstate)),
      kind_(kind),
      fields_(std::move(fields)) {}

PgError::PgError(Fields fields) : PgError{kind_of_sqlstate(fields.sqlstate), std::move(fields)} {}

PgError PgError::lost(std::string message, std::string hint) {
  Fields fields;
  fields.message = std::move(message);
  fields.hint = std::move(hint);
  return PgError(ErrorKind::kLost, std::move(fields));
}

// Appendix A of PostgreSQL's manual.
ErrorKind kind_of_sqlstate(std::string_view sqlstate) {
  if (sqlstate.empty() || sqlstate.starts_with("08")) return ErrorKind::kLost;
  // Shutdown, crash, starting up, dropped database, idle session: the server ends the connection.
  if (sqlstate.starts_with("57P")) return ErrorKind::kLost;
  if (sqlstate == "25P03" || sqlstate == "25P04") return ErrorKind::kLost;  // idle or transaction timeout: it ends too
  for (const std::string_view transient : {"40",                            // serialization failure, deadlock
                                           "53",                            // out of disk, memory, connections
                                           "58",                            // system error outside the server
                                           "55P03",                         // lock not available
                                           "55006",                         // object in use
                                           "57014",                         // cancelled, statement timeout
                                           "25006"})                        // read-only: it was demoted to a standby
  {
    if (sqlstate.starts_with(transient)) return ErrorKind::kTransient;
  }
  return ErrorKind::kPermanent;
}

}  // namespace sluice::pg
