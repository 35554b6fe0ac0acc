// sluice eval: the pure parts of the engine, one JSON object a line in, one result a line out.
#include "core/flow/eval.h"

#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "cli/commands.h"
#include "cli/progress.h"
#include "core/base/canonical_json.h"
#include "core/base/signature.h"
#include "core/http/address_guard.h"
#include "core/service/http_options.h"

namespace sluice::cli {
namespace {

Json error(std::string_view message) {
  Json answer = make_object();
  set(answer, "error", message);
  return answer;
}

// Throws Error unless the member is a text.
std::string_view text_member(const Json& request, std::string_view name) {
  const Json* found = find(request, name);
  if (found == nullptr || !found->IsString()) throw Error(fmt::format("\"{}\" must be a text", name));
  return text_of(*found);
}

Json eval_hash(const Json& request) {
  const auto canonical = canonical_json(text_member(request, "json"));
  if (!canonical)
    return error(fmt::format("\"json\", byte {}: {}", canonical.error().offset, canonical.error().message));
  Json answer = make_object();
  set(answer, "canonical", *canonical);
  set(answer, "hash", canonical_hash(*canonical));
  return answer;
}

std::int64_t timestamp_of(const Json& request) {
  const Json* found = find(request, "timestamp");
  if (found != nullptr && found->IsInt64()) return found->GetInt64();
  if (found != nullptr && found->IsString()) {  // as the header has it
    std::int64_t seconds = 0;
    const std::string_view text = text_of(*found);
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed == std::errc() && end == text.data() + text.size()) return seconds;
  }
  throw Error("\"timestamp\" must be a whole number of seconds");
}

// A secret that is no standard one signs the legacy header alone (WEBHOOKS 1), and then id and timestamp are not
// needed.
Json eval_sign(const Json& request) {
  const std::string_view secret = text_member(request, "secret");
  const std::string_view body = text_member(request, "body");
  Json answer = make_object();
  if (secret.starts_with("whsec_") || secret.starts_with("whsk_")) {
    const SigningSecret key = SigningSecret::parse(secret);
    set(answer, "webhook-signature",
        webhook_signature({&key, 1}, text_member(request, "id"), timestamp_of(request), body));
  } else {
    set(answer, "webhook-signature", Json());
  }
  set(answer, "x-webhook-signature", legacy_signature(secret, body));
  return answer;
}

Json eval_url(const http::AddressGuard& guard, const Json& request) {
  const http::Verdict verdict = guard.judge_url(text_member(request, "url"));
  Json answer = make_object();
  set(answer, "allowed", Json(verdict.allowed));
  set(answer, "reason", verdict.reason);
  if (!verdict.sentence.empty()) set(answer, "sentence", verdict.sentence);
  return answer;
}

template <typename Evaluate>
Json answer_to(std::string_view line, const Evaluate& evaluate) {
  const auto request = parse_json(line);
  if (!request) return error(fmt::format("no JSON, byte {}: {}", request.error().offset, request.error().message));
  if (!request->IsObject()) return error("a line must be a JSON object");
  try {
    return evaluate(*request);
  } catch (const Error& failure) {
    return error(failure.what());
  }
}

// Every line is answered before the next is read, so that the command can be talked with through pipes.
template <typename Evaluate>
ExitCode answer_lines(const Evaluate& evaluate) {
  std::ios::sync_with_stdio(false);
  Progress progress("evaluating");
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    fmt::print("{}\n", to_text(answer_to(line, evaluate)));
    if (std::cin.rdbuf()->in_avail() <= 0) (void)std::fflush(stdout);
    progress.advance(0);
  }
  return ExitCode::kGood;
}

ExitCode run_condition(Invocation&) {
  return answer_lines(flow::eval_condition);
}
ExitCode run_template(Invocation&) {
  return answer_lines(flow::eval_template);
}
ExitCode run_cel(Invocation&) {
  return answer_lines(flow::eval_cel);
}
ExitCode run_mapping(Invocation&) {
  return answer_lines(flow::eval_mapping);
}
ExitCode run_hash(Invocation&) {
  return answer_lines(eval_hash);
}
ExitCode run_sign(Invocation&) {
  return answer_lines(eval_sign);
}
ExitCode run_url(Invocation& invocation) {
  const http::AddressGuard guard(
      http_client_options(invocation.line.options, invocation.line.options.text("metrics.listen")).policy);
  return answer_lines([&guard](const Json& request) { return eval_url(guard, request); });
}

constexpr Command kCommands[] = {
    {"eval condition",
     "",
     "evaluate conditions",
     "Reads one JSON object a line from standard input and answers each with a line: {\"state\", \"if\"} → "
     "{\"result\"}. A \"conditions\"\n"
     "object names what $ref finds. A line that cannot be evaluated is answered {\"error\"}; the next goes on. No "
     "database. Example:\n\n"
     "  echo '{\"state\": {\"user\": {\"age\": 15}}, \"if\": {\"var\": \"user.age\", \"gte\": 13}}' | sluice eval "
     "condition\n",
     {},
     run_condition},
    {"eval template",
     "",
     "render templates",
     "{\"state\", \"template\", \"mode\": \"keep|drop|value\"} → {\"result\"}, a line each; keep leaves unresolved "
     "references as they are. Example:\n\n"
     "  echo '{\"state\": {\"user\": {\"name\": \"Ada\"}}, \"template\": \"Hi {{user.name}}\"}' | sluice eval "
     "template\n",
     {},
     run_template},
    {"eval cel",
     "",
     "evaluate CEL expressions",
     "{\"expr\", \"ctx\"} → {\"result\"} or {\"error\"}, a line each; with \"bindings\" in typed notation the result "
     "is typed too. Example:\n\n"
     "  echo '{\"expr\": \"user.age * 2\", \"ctx\": {\"user\": {\"age\": 15}}}' | sluice eval cel\n",
     {},
     run_cel},
    {"eval mapping",
     "",
     "map response bodies",
     "{\"mapping\", \"body\", \"kind\": \"webhook|api_call\"} → {\"result\"}, a line each. Example:\n\n"
     "  echo '{\"mapping\": {\"temp.n\": \"$.data.total\"}, \"body\": {\"data\": {\"total\": 3}}}' | sluice eval "
     "mapping\n",
     {},
     run_mapping},
    {"eval hash",
     "",
     "canonical JSON and its hash",
     "{\"json\": TEXT} → {\"canonical\", \"hash\"}, a line each: the state_hash of that text as it stands. Example:\n\n"
     "  echo '{\"json\": \"{\\\"b\\\": 1, \\\"a\\\": 2}\"}' | sluice eval hash\n",
     {},
     run_hash},
    {"eval sign",
     "",
     "sign webhooks",
     "{\"secret\", \"id\", \"timestamp\", \"body\"} → {\"webhook-signature\", \"x-webhook-signature\"}, a line each. A "
     "secret without whsec_\n"
     "or whsk_ signs the second header alone; the first is then null. Example:\n\n"
     "  echo '{\"secret\": \"your-secret\", \"body\": \"{}\"}' | sluice eval sign\n",
     {},
     run_sign},
    {"eval url",
     "",
     "judge whether requests may go to a URL",
     "{\"url\"} → {\"allowed\", \"reason\"}, a line each, by the text alone: names are not looked up. "
     "http.allow_networks counts. Example:\n\n"
     "  echo '{\"url\": \"http://2130706433/\"}' | sluice eval url\n",
     {},
     run_url},
};

}  // namespace

std::span<const Command> eval_commands() {
  return kCommands;
}

}  // namespace sluice::cli
