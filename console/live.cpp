#include "console/live.h"

#include <algorithm>
#include <charconv>

#include "console/answer.h"
#include "core/base/log.h"
#include "core/pg/pg_error.h"

namespace sluice::console {
namespace {

constexpr std::ptrdiff_t kStreams = 16;
constexpr std::size_t kWatchers = 64;  // with those that have gone since the last turn
constexpr std::size_t kStreamBytes = 64U << 10U;
constexpr int kBatch = 1000;  // the statements ask for one more, which tells that there are more
constexpr std::chrono::milliseconds kPoll{500};
constexpr std::chrono::seconds kKeepAlive{15};

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern.empty() || pattern == "*" || pattern == type) return true;
  return pattern.ends_with(".*") && type.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

std::int64_t event_id_in(std::string_view text) noexcept {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() && id > 0 ? id : 0;
}

http::Reply Live::open(const http::ServerRequest& request, const http::Parameters& parameters) {
  // Those that have gone are let go of by the reader, which may be at one of them now.
  const auto open = std::ranges::count_if(watchers_, [](const Watcher& watcher) { return !watcher.stream->gone(); });
  if (open >= kStreams || watchers_.size() >= kWatchers) {
    return refused(
        {503, "too_many_streams", "16 live views are open already", "close one, or wait until its browser has gone"});
  }
  const auto type = parameters.find("type");
  Watcher& watcher = watchers_.emplace_back();
  watcher.stream = std::make_shared<http::Stream>(kStreamBytes);
  watcher.pattern = type == parameters.end() ? "" : type->second;
  watcher.after = event_id_in(request.header("Last-Event-ID").value_or(""));
  joined_.set();
  return {.content_type = "text/event-stream", .body = "retry: 2000\n\n", .stream = watcher.stream};
}

Task<void> Live::run(StopToken stop) {
  auto alive = Clock::now();
  while (!stop.stop_requested()) {
    std::erase_if(watchers_, [](const Watcher& watcher) { return watcher.stream->gone(); });
    if (watchers_.empty()) {
      snapshot_.clear();
      (void)co_await joined_.wait(kNoDeadline, stop);
      continue;
    }
    try {
      co_await read();
    } catch (const pg::PgError& error) {
      // The snapshot stays, so that the next turn goes on where this one stopped.
      log_debug("the live events wait for the database", {{"reason", error.message()}});
    }
    if (Clock::now() - alive >= kKeepAlive) {
      alive = Clock::now();
      keep_alive();
    }
    (void)co_await joined_.wait(Clock::now() + kPoll, stop);
  }
}

Task<void> Live::read() {
  if (snapshot_.empty()) {
    const pg::Result begin = co_await database_.read("console_live_begin");
    snapshot_ = begin.one().get<std::string>("snapshot");
  }
  for (Watcher& watcher : watchers_) {
    if (watcher.joined) continue;
    co_await catch_up(watcher);
  }
  const pg::Result events = co_await database_.read("console_live", pg::Params().text(snapshot_));
  for (Watcher& watcher : watchers_) {
    if (!watcher.joined) continue;  // came while the statement ran; its turn is next, up to the new snapshot
    int sent = 0;
    for (const pg::Row row : events) {
      if (row.is_null("id")) break;
      if (++sent > kBatch) {
        lose(watcher, "more than 1,000 events at once");
        break;
      }
      send(watcher, row);
    }
  }
  snapshot_ = events[0].get<std::string>("snapshot");
}

// Up to the reader's snapshot, so that what the reader reads next follows without a gap and without repetition.
Task<void> Live::catch_up(Watcher& watcher) {
  if (watcher.after > 0) {
    const pg::Result missed =
        co_await database_.read("console_live_after", pg::Params().int8(watcher.after).text(snapshot_));
    const int first = std::max(missed.rows() - kBatch, 0);
    if (first > 0)
      (void)watcher.stream->write("event: lost\ndata: {\"reason\":\"more than 1,000 events were missed\"}\n\n");
    for (int row = first; row < missed.rows(); ++row) send(watcher, missed[row]);
  }
  watcher.joined = true;
  (void)watcher.stream->write("event: joined\ndata: {}\n\n");
}

void Live::send(Watcher& watcher, const pg::Row& row) const {
  const bool wanted = matches(watcher.pattern, row.text("event_type")) ||
                      (!row.is_null("alias") && matches(watcher.pattern, row.text("alias")));
  if (!wanted || watcher.stream->gone()) return;
  std::string text = "id: " + row.get<std::string>("id") + "\nevent: flow\ndata: ";
  text += row.text("line");
  text += "\n\n";
  if (!watcher.stream->write(text)) lose(watcher, "this browser read too slowly");
}

void Live::lose(Watcher& watcher, std::string_view why) const {
  watcher.stream->finish("event: lost\ndata: {\"reason\":\"" + std::string(why) + "\"}\n\n");
}

void Live::keep_alive() {
  for (Watcher& watcher : watchers_) (void)watcher.stream->write(": keep-alive\n\n");
}

}  // namespace sluice::console
