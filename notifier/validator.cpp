#include "notifier/validator.h"

#include <unistd.h>

#include <array>

#include "core/base/log.h"
#include "notifier/destination.h"
#include "sql/sql_text.h"

namespace sluice::notifier {
namespace {

constexpr std::chrono::seconds kAnswer{30};

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "sluice";
}

}  // namespace

Validator::Validator(Loop& loop, Sender& sender, std::function<void()> answered)
    : sender_(sender), answered_(std::move(answered)), origin_(host_name()), asking_(loop) {}

Task<void> Validator::run_once(pg::Connection& connection, std::int64_t process) {
  for (const Answer& answer : std::exchange(answers_, {})) {
    const Validation& validation = answer.validation;
    (void)co_await connection.query(
        sql::query("end_validation"),
        pg::Params()
            .uuid(answer.endpoint)
            .text(validation.outcome)
            .text(validation.error.empty() ? std::optional<std::string_view>() : std::string_view(validation.error))
            .float8(validation.rate_limit)
            .int8(validation.delay.count()),
        Clock::now() + kAnswer);
    log_info("endpoint asked for its validation",
             {{"endpoint", to_text(answer.endpoint)}, {"outcome", validation.outcome}, {"error", validation.error}});
  }
  const pg::Result due =
      co_await connection.query(sql::query("take_validations"), pg::Params().int8(process), Clock::now() + kAnswer);
  for (const pg::Row& row : due) {
    Waiting waiting;
    waiting.endpoint = row.get<Uuid>("endpoint_id");
    waiting.request = make_validation_request(row.get<std::string>("url"), origin_);
    waiting.request.custom_headers = headers_from(row.text("headers"));
    waiting.request.timeout = std::chrono::seconds(row.get<std::int32_t>("timeout_seconds"));
    waiting.certificate = row.get<std::optional<std::string>>("client_certificate").value_or("");
    waiting.attempt = row.get<std::int32_t>("attempt");
    asking_.spawn(ask(std::move(waiting)));
  }
}

Task<void> Validator::ask(Waiting waiting) {
  const http::Response response = co_await sender_.ask(std::move(waiting.request), waiting.certificate, stop_.token());
  if (stop_.token().stop_requested()) co_return;
  answers_.push_back({waiting.endpoint, judge_validation(response, origin_, waiting.attempt)});
  answered_();
}

}  // namespace sluice::notifier
