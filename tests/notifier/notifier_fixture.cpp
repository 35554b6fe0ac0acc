#include "tests/notifier/notifier_fixture.h"

#include <fmt/format.h>

namespace sluice::notifier {
namespace {

using std::chrono::seconds;

Deadline patience() {
  return Clock::now() + seconds(30);
}

}  // namespace

NotifierTest::NotifierTest()
    : connection_(loop_.run(pg::Connection::connect(loop_, blocking_, {database_.dsn()}, patience()))) {}

std::unique_ptr<test::DaemonProcess> NotifierTest::start_notifier(const std::vector<std::string>& flags) const {
  return std::make_unique<test::DaemonProcess>("notifier", database_.dsn(), flags);
}

std::unique_ptr<test::DaemonProcess> NotifierTest::start_notifier_through(int port) const {
  return std::make_unique<test::DaemonProcess>("notifier", database_.dsn_through(port));
}

pg::Result NotifierTest::query(std::string_view sql) {
  return loop_.run(connection_->query(sql, {}, patience()));
}

std::string NotifierTest::value(std::string_view sql) {
  const pg::Result result = query(sql);
  return result.one().is_null(0) ? "null" : result.one().get<std::string>(0);
}

void NotifierTest::wait_for(const std::function<bool()>& holds, std::string_view what) {
  const auto pause = [](Loop& loop) -> Task<void> { (void)co_await loop.sleep(std::chrono::milliseconds(10)); };
  const Deadline until = patience();
  bool held = holds();
  while (!held && Clock::now() < until) {
    loop_.run(pause(loop_));
    held = holds();
  }
  EXPECT_TRUE(held) << "not within 30 s: " << what;
}

void NotifierTest::wait_until(std::string_view sql) {
  wait_for([&] { return value(sql) == "t"; }, sql);
}

void NotifierTest::wait_for_log(const test::DaemonProcess& daemon, std::string_view text) {
  wait_for([&] { return daemon.log().find(text) != std::string::npos; }, text);
}

NotifierTest::Endpoint NotifierTest::subscribe(const std::string& url, const std::string& options,
                                               const std::optional<std::string>& secret) {
  const pg::Result result =
      loop_.run(connection_->query("select * from sluice.subscribe($1, '{*}', $2, $3)",
                                   pg::Params().text(url).text(secret).jsonb_text(options), patience()));
  return {result.one().get<std::string>("endpoint_id"), result.one().get<std::string>("signing_secret")};
}

void NotifierTest::emit(int events, const std::string& key_prefix) {
  (void)query(
      fmt::format("select sluice.emit('test_event', '{}' || i, jsonb_build_object('n', i, 'name', 'Zoë')) from "
                  "generate_series(1, {}) i",
                  key_prefix, events));
  fan_out();
}

void NotifierTest::fan_out() {
  const std::string batch =
      "select bool_or(h.more) from sluice.event_consumers c "
      "cross join lateral sluice_private.run_webhooks(c.id, 10000) h where c.kind = 'webhooks'";
  while (value(batch) == "t") {
  }
}

}  // namespace sluice::notifier
