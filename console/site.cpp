#include "console/site.h"

#include <algorithm>

#include "console/actions.h"
#include "console/answer.h"
#include "console/questions.h"
#include "console_page.h"
#include "core/base/log.h"

namespace sluice::console {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri "
    "'none'; "
    "form-action 'none'; frame-ancestors 'none'";

http::Reply text_reply(int status, std::string_view text) {
  return {.status = status, .body = std::string(text)};
}

// A file of the page. Its name stays the same from version to version, so a browser asks each time whether it has
// changed.
http::Reply file(std::string_view path, const http::ServerRequest& request) {
  const auto* found = std::ranges::find(page::kFiles, path, &page::File::path);
  if (found == page::kFiles.end()) return text_reply(404, "not found\n");
  http::Reply reply{.content_type = std::string(found->type)};
  reply.headers = {{"Cache-Control", "no-cache"}, {"ETag", std::string(found->etag)}, {"Vary", "Accept-Encoding"}};
  if (request.header("If-None-Match") == found->etag) {
    reply.status = 304;
  } else if (request.header("Accept-Encoding").value_or("").find("gzip") != std::string::npos) {
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.body = found->gzip;
  } else {
    reply.body = found->body;
  }
  return reply;
}

// The parts between the slashes, decoded; nothing when one cannot be.
std::optional<std::vector<std::string>> words_of(std::string_view path) {
  std::vector<std::string> words;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    std::optional<std::string> word = http::percent_decode(part);
    if (!word) return std::nullopt;
    words.push_back(std::move(*word));
  }
  return words;
}

http::Reply not_signed_in(const http::ServerRequest& request) {
  if (request.path().starts_with("/api/")) {
    return refused({401, "not_signed_in", "this browser is not signed in",
                    "open the address with the token that `sluice console` printed when it started"});
  }
  return text_reply(
      401,
      "This is Sluice's console. Open it with the address that `sluice console` printed when it started:\n"
      "http://HOST:PORT/?token=...\n");
}

}  // namespace

Task<http::Reply> Site::answer(const http::ServerRequest& request) {
  http::Reply reply = co_await judge(request);
  reply.headers.emplace_back("Content-Security-Policy", kPolicy);
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  reply.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  co_return reply;
}

Task<http::Reply> Site::judge(const http::ServerRequest& request) {
  if (!access_.meant(request)) {
    co_return text_reply(421, "This is not the host of Sluice's console; ask for the address that it printed.\n");
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const std::optional<std::vector<std::string>> words = words_of(request.path());
  if (!words) co_return text_reply(400, "the path is not percent-encoded UTF-8 text\n");
  if (reads && request.path() == "/") {
    if (std::optional<std::string> cookie = access_.sign_in(request)) {
      http::Reply reply = text_reply(303, "");
      reply.headers.emplace_back("Location", "/");
      reply.headers.emplace_back("Set-Cookie", std::move(*cookie));
      co_return reply;
    }
  }
  if (!access_.signed_in(request)) co_return not_signed_in(request);
  if (words->front() == "api") co_return co_await api(request, std::span(*words).subspan(1));
  if (!reads) co_return text_reply(405, "only GET and HEAD\n");
  co_return file(words->front() == "assets" ? request.path() : "/index.html", request);
}

Task<http::Reply> Site::api(const http::ServerRequest& request, std::span<const std::string> words) {
  std::optional<Refusal> trouble;
  try {
    if (request.method == "POST") co_return co_await act(request, words);
    if (request.method != "GET") co_return refused({405, "bad_method", "only GET and POST", "actions are POST"});
    const auto parameters = http::parse_query(request.query());
    if (!parameters)
      co_return refused({400, "bad_request", parameters.error(), "names and values are percent-encoded"});
    if (words.size() == 1 && words.front() == "me") co_return co_await me();
    if (words.size() == 1 && words.front() == "overview") co_return co_await overview();
    if (words.size() == 2 && words[0] == "events" && words[1] == "live") co_return live_.open(request, *parameters);
    std::expected<Question, Refusal> question = question_for(words, *parameters);
    if (!question) co_return refused(question.error());
    co_return co_await ask(question->statement, std::move(question->params));
  } catch (const pg::PgError& error) {
    trouble = refusal_of(error);
  }
  co_return refused(*trouble);
}

// A foreign page can make a browser send a request with our cookie, but not with our Origin, nor with this
// Content-Type.
Task<http::Reply> Site::act(const http::ServerRequest& request, std::span<const std::string> words) {
  if (!Access::own_page(request)) {
    co_return refused({403, "foreign_page", "the request does not come from the console's own page",
                       "send Origin: http://HOST:PORT as in the address"});
  }
  if (!request.header("Content-Type").value_or("").starts_with("application/json")) {
    co_return refused({415, "not_json", "the body is not called JSON", "send Content-Type: application/json"});
  }
  if (!database_.may_act()) {
    co_return refused({403, "read_only", "this console only shows", "start it with --allow-actions"});
  }
  std::expected<Question, Refusal> action = action_for(words, request.body);
  if (!action) co_return refused(action.error());
  const pg::Result result = co_await database_.act(action->statement, std::move(action->params));
  log_info("acted", {{"action", words[2]}, {"on", words[0]}, {"id", words[1]}});
  co_return json_reply(result.one().get<std::string>(0));
}

Task<http::Reply> Site::ask(std::string_view statement, pg::Params params) {
  const pg::Result result = co_await database_.read(statement, std::move(params));
  if (result.empty() || result[0].is_null(0)) {
    co_return refused({404, "not_found", "there is no such thing", "it may have ended and been dropped with its day"});
  }
  co_return json_reply(result[0].get<std::string>(0));
}

Task<http::Reply> Site::me() {
  const pg::Result result = co_await database_.read("console_me");
  const pg::Row row = result.one();
  Json document = make_object();
  set(document, "actions", Json(database_.may_act()));
  set(document, "role", row.text("role"));
  set(document, "read_only", Json(row.get<bool>("read_only")));
  set(document, "database", row.text("database"));
  set(document, "version", SLUICE_VERSION);
  co_return json_reply(to_text(document));
}

Task<http::Reply> Site::overview() {
  if (!series_.fresh()) co_await series_.sample(database_);  // the last one failed, or was long ago
  std::string document = R"({"now":")" + to_rfc3339(series_.taken_at()) + R"(","activity":)" + series_.activity() +
                         R"(,"series":)" + to_text(series_.document()) + "}";
  co_return json_reply(std::move(document));
}

}  // namespace sluice::console
