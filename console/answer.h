// What the console's API answers: JSON, errors included.
#pragma once

#include <string>
#include <string_view>

#include "core/http/server.h"
#include "core/pg/pg_error.h"

namespace sluice::console {

struct Refusal {
  int status;
  std::string_view code;  // for programs: "bad_request"
  std::string message;
  std::string hint;
};

[[nodiscard]] http::Reply json_reply(std::string document);
[[nodiscard]] http::Reply refused(const Refusal& refusal);

// What the database said: 503 while it cannot be reached, 403 without the right, 409 when it does not fit what is there
// now.
[[nodiscard]] Refusal refusal_of(const pg::PgError& error);

}  // namespace sluice::console
