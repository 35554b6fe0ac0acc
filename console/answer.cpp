#include "console/answer.h"

#include "core/base/json.h"

namespace sluice::console {

http::Reply json_reply(std::string document) {
  return {.content_type = "application/json", .body = std::move(document)};
}

http::Reply refused(const Refusal& refusal) {
  Json error = make_object();
  set(error, "code", refusal.code);
  set(error, "message", refusal.message);
  set(error, "hint", refusal.hint);
  Json document = make_object();
  set(document, "error", std::move(error));
  http::Reply reply = json_reply(to_text(document));
  reply.status = refusal.status;
  return reply;
}

Refusal refusal_of(const pg::PgError& error) {
  const std::string message(error.message());
  if (error.exit_code() == ExitCode::kUnavailable) {
    return {503, "database_away", "the database cannot be reached: " + message,
            "it is tried again; see the console's log"};
  }
  if (error.sqlstate() == "57014") {
    return {503, "too_slow", "the database took too long", "ask for less, or again when it is less busy"};
  }
  if (error.sqlstate() == "42501" || error.sqlstate().starts_with("28")) {
    return {403, "no_right", message,
            "GRANT sluice_reader and, for actions, sluice_api to the console's database user"};
  }
  if (error.sqlstate().starts_with("SL")) return {409, "does_not_fit", message, error.hint()};
  if (error.sqlstate().starts_with("22")) return {400, "bad_request", message, error.hint()};
  if (error.kind() == pg::ErrorKind::kTransient) return {503, "try_again", message, "try again"};
  return {500, "failed", message,
          error.hint().empty() ? "sluice migrate --check says whether the schema fits" : error.hint()};
}

}  // namespace sluice::console
