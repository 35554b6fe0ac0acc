// What libpq and the server report, as one exception.
#pragma once

#include <string>
#include <string_view>

#include "core/base/errors.h"

namespace sluice::pg {

enum class ErrorKind {
  kLost,       // the connection is gone, or unknown: nothing can be said of what was asked last; reconnect
  kTransient,  // the same statement may work later: serialization failure, deadlock, lock or resource shortage,
               // cancelled
  kPermanent,  // it will fail again: a refused role, a violated constraint, an error that a function raised
};

// what() is the server's primary message as it stands, or the client's own in lower case. Exit code: 69 when kLost, 77
// when the server refuses the role (SQLSTATE 28xxx, 42501), else 1.
class PgError : public Error {
 public:
  struct Fields {
    std::string sqlstate;  // five characters; empty when the server said nothing
    std::string message;
    std::string detail;
    std::string hint;
    std::string statement;   // name of the prepared statement, empty for others
    std::string constraint;  // name of the violated constraint, if any
    std::string context;     // the call stack of functions in the server
    int position = 0;        // character of the statement's text where the error is, from 1; 0: unknown
  };

  PgError(ErrorKind kind, Fields fields);

  // With the kind that the SQLSTATE says; kLost when there is none.
  explicit PgError(Fields fields);

  // kLost, with the client's own words.
  [[nodiscard]] static PgError lost(std::string message, std::string hint = {});

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& sqlstate() const noexcept { return fields_.sqlstate; }
  [[nodiscard]] std::string_view message() const noexcept { return what(); }
  [[nodiscard]] const Fields& fields() const noexcept { return fields_; }

 private:
  ErrorKind kind_;
  Fields fields_;
};

[[nodiscard]] ErrorKind kind_of_sqlstate(std::string_view sqlstate);

}  // namespace sluice::pg
