#include "core/flow/http_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/flow/secrets.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

constexpr double kMinTimeout = 1, kMaxTimeout = 300, kDefaultTimeout = 30;  // seconds
constexpr int kMaxAttempts = 20;
constexpr double kMaxDelay = 3600, kMaxBackoff = 10;
constexpr std::chrono::seconds kGrace{60};

double number_member(const Json* object, std::string_view key, double fallback) {
  const Json* value = object != nullptr ? find(*object, key) : nullptr;
  return value != nullptr && value->IsNumber() ? value->GetDouble() : fallback;
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(seconds * 1000)));
}

std::chrono::milliseconds timeout_of(const Json& spec) {
  return milliseconds(std::clamp(number_member(&spec, "timeout", kDefaultTimeout), kMinTimeout, kMaxTimeout));
}

HttpCall::Retry retry_of(const Json& spec) {
  const Json* retry = find(spec, "retry");
  return {.attempts = static_cast<int>(std::clamp(number_member(retry, "attempts", 1), 1.0, double{kMaxAttempts})),
          .delay = milliseconds(std::clamp(number_member(retry, "delay", 1), 0.0, kMaxDelay)),
          .backoff = std::clamp(number_member(retry, "backoff", 2), 1.0, kMaxBackoff)};
}

HttpCall::Breaker breaker_of(const Json* spec) {
  const auto whole = [&](std::string_view key, double fallback) {
    return static_cast<int>(std::clamp(number_member(spec, key, fallback), 1.0, 86'400.0));
  };
  return {.failures = whole("failures", number_member(spec, "failure_threshold", 5)),
          .window = whole("window", 20),
          .span = std::chrono::seconds(whole("within", 60)),
          .open = std::chrono::seconds(whole("open", number_member(spec, "recovery_timeout", 30)))};
}

bool same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

// Text of a header whatever its JSON type.
std::string header_text(const Json& value, const Json& state) {
  return render_outgoing(value.IsString() ? std::string(text_of(value)) : to_text(value), state);
}

std::expected<void, std::string> add_headers(const Json& spec, const Json& state, HttpCall& call) {
  const Json* headers = find(spec, "headers");
  if (headers == nullptr || headers->IsNull()) return {};
  if (!headers->IsObject()) return std::unexpected("headers must be an object of names and values");
  for (const auto& header : headers->GetObject()) {
    std::string value = header_text(header.value, state);
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return std::unexpected(fmt::format("the header {} would hold a line break", text_of(header.name)));
    }
    call.headers.emplace_back(text_of(header.name), std::move(value));
  }
  return {};
}

void set_body(const Json& value, HttpCall& call) {
  call.json_body = !value.IsString();
  call.body = call.json_body ? to_text(value) : std::string(text_of(value));
}

// A body that is JSON, or the text of JSON, is rendered value by value, so that nothing in the state can change its
// shape. Without a state it is no template.
Json rendered_body(const Json& body, const Json* state) {
  const auto text = body.IsString() ? text_of(body) : std::string_view{};
  if (body.IsString() && (state == nullptr || sole_reference(text).empty())) {
    const auto parsed = parse_json(text);
    if (parsed && (parsed->IsObject() || parsed->IsArray())) return rendered_body(*parsed, state);
    if (state != nullptr) return make_string(render_outgoing(text, *state));
  }
  return state != nullptr ? render_outgoing_value(body, *state) : outgoing_copy(body);
}

void add_body(const Json& spec, const Json* state, HttpCall& call) {
  const Json* body = find(spec, "body");
  if (body == nullptr || body->IsNull()) return;
  const Json value = rendered_body(*body, state);
  if (!value.IsNull()) set_body(value, call);
  const bool typed = std::any_of(call.headers.begin(), call.headers.end(),
                                 [](const auto& header) { return same_name(header.first, "content-type"); });
  if (!typed)
    call.headers.emplace_back("content-type", call.json_body ? "application/json" : "text/plain; charset=utf-8");
}

std::expected<HttpCall, std::string> call_with(const Json& spec, const Json& state, const Json* body_state,
                                               std::string idempotency_key) {
  HttpCall call;
  call.url = render_url(string_member(spec, "url"), state);
  if (call.url.empty()) return std::unexpected("there is no url");
  if (auto added = add_headers(spec, state, call); !added) return std::unexpected(added.error());
  add_body(spec, body_state, call);
  call.method = upper(string_member(spec, "method", call.body.empty() ? "GET" : "POST"));
  call.timeout = timeout_of(spec);
  call.idempotency_key = std::move(idempotency_key);
  call.retry = retry_of(spec);
  const Json* breaker = find(spec, "circuit_breaker");
  call.breaker = breaker_of(breaker);
  if (breaker != nullptr) call.breaker_key = string_member(*breaker, "key");
  call.has_fallback = find(spec, "fallback_response") != nullptr;
  return call;
}

}  // namespace

std::expected<HttpCall, std::string> make_call(const Json& spec, const Json& state, std::string idempotency_key) {
  return call_with(spec, state, &state, std::move(idempotency_key));
}

std::expected<HttpCall, std::string> make_free_call(const Json& spec, std::string idempotency_key) {
  return call_with(spec, make_object(), nullptr, std::move(idempotency_key));
}

std::expected<std::vector<std::pair<std::string, Json>>, std::string> outcome_values(const Json& spec,
                                                                                     const HttpOutcome& outcome,
                                                                                     MappingKind kind) {
  static const Json kNone = make_object();
  const Json* mapping = find(spec, "response_mapping");
  const bool good = outcome.status >= 200 && outcome.status < 300;
  if (good && !outcome.cut) return mapped(mapping != nullptr ? *mapping : kNone, body_value(outcome.body), kind);
  if (const Json* fallback = find(spec, "fallback_response"))
    return mapped(mapping != nullptr ? *mapping : kNone, *fallback, kind);
  if (good) return std::unexpected("the response is longer than is accepted");
  if (outcome.status != 0) return std::unexpected(fmt::format("the response has status {}", outcome.status));
  return std::unexpected(fmt::format("no response: {}", outcome.error.empty() ? "unknown error" : outcome.error));
}

std::chrono::seconds call_budget(const Json& spec) {
  const auto retry = retry_of(spec);
  double total = static_cast<double>(timeout_of(spec).count()) * retry.attempts;
  double delay = static_cast<double>(retry.delay.count());
  for (int i = 1; i < retry.attempts; ++i) {
    total += delay;
    delay = std::min(delay * retry.backoff, kMaxDelay * 1000);
  }
  return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(total / 1000))) + kGrace;
}

}  // namespace sluice::flow
