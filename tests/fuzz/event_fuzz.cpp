// Any event, whatever its type, correlation id and body hold: as a line of the log, as a delivery's request and as a
// task's payload. Nothing of it becomes a line, a field or a header of its own. The input's lines are type, session,
// correlation id and, the rest, the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "core/async/loop.h"
#include "core/base/log.h"
#include "core/base/utf8.h"
#include "core/http/header_policy.h"
#include "listener/handlers.h"
#include "notifier/request.h"
#include "workers/http_task.h"

namespace {

using namespace sluice;

constexpr std::string_view kSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (!character.valid) return false;
    at += character.length;
  }
  return true;
}

// Nothing in it moves what a terminal shows or ends a line.
bool is_plain(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (!character.valid || acts_on_display(character.code)) return false;
    at += character.length;
  }
  return true;
}

// Of control characters a header's value may have tabs alone (RFC 9110 5.5).
bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; });
}

// What the JSON form says is what the event held, no more fields and no fewer.
void expect_told(const LogEvent& event, const listener::HandledEvent& handled) {
  const auto told = parse_json(format_log_line(event, LogFormat::kJson));
  require(told.has_value() && told->MemberCount() == 3 + event.fields.size());
  for (const auto& [name, value] : {std::pair{"type", handled.type},
                                    {"session", handled.session_id},
                                    {"correlation_id", handled.correlation_id},
                                    {"body", handled.body}}) {
    if (is_utf8(value)) require(text_of(*find(*told, name)) == value);
  }
}

void log_it(const listener::HandledEvent& handled) {
  static Loop loop;
  bool logged = false;
  set_log_sink([&](const LogEvent& event) {
    logged = true;
    require(is_plain(format_log_line(event, LogFormat::kText)));
    require(is_plain(format_log_line(event, LogFormat::kJson)));
    expect_told(event, handled);
  });
  loop.run(listener::write_lines("fuzz", {handled}));
  set_log_sink({});
  require(logged);
}

void deliver_it(const listener::HandledEvent& handled) {
  static const auto kDestination = [] {
    auto destination = std::make_shared<notifier::Destination>();
    destination->url = "https://receiver.example/";
    destination->secrets.push_back(SigningSecret::parse(kSecret));
    destination->legacy_secret.emplace(kSecret);
    return destination;
  }();
  notifier::Delivery delivery;
  delivery.message_id = "msg_1";
  delivery.correlation_id = handled.correlation_id;
  delivery.body = handled.body;
  delivery.destination = kDestination;
  const http::Request request = notifier::make_request(delivery, Timestamp{});
  require(request.body == handled.body);
  require(request.headers.size() >= 5 && request.headers.size() <= 6);
  for (const auto& [name, value] : request.headers) require(http::is_header_value(value) && is_one_line(value));
}

void work_on_it(std::string_view body, std::string_view correlation_id) {
  auto payload = parse_json(body);
  if (!payload) return;
  workers::ClaimedTask task;
  task.id = 1;
  task.payload = std::move(*payload);
  auto call = workers::http_task_call(task);
  if (!call) {
    require(!call.error().empty());
    return;
  }
  require(call->idempotency_key == "task:1");
  require(call->timeout.count() > 0);
  const http::Request request = workers::request_of(std::move(*call), correlation_id);
  for (const auto& [name, value] : request.headers) require(http::is_header_value(value) && is_one_line(value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  listener::HandledEvent event;
  event.type = take_line(text);
  event.session_id = take_line(text);
  event.correlation_id = take_line(text);
  event.body = text;
  log_it(event);
  deliver_it(event);
  work_on_it(text, event.correlation_id);
  return 0;
}
