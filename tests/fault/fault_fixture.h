// What fault tests share: a migrated database, SQL in one line, conversations, and waiting for what must come.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "core/pg/connection.h"
#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_target.h"
#include "tests/support/test_database.h"

namespace sluice::test {

using std::chrono::seconds;

// One blocking client of a database.
class Client {
 public:
  explicit Client(const std::string& dsn)
      : connection_(loop_.run(pg::Connection::connect(loop_, pool_, {.dsn = dsn}, deadline()))) {}

  pg::Result rows(const std::string& sql) { return loop_.run(connection_->query(sql, {}, deadline())); }
  void run(const std::string& script) { loop_.run(connection_->execute_script(script, deadline())); }
  std::string value(const std::string& sql) {
    return rows(sql).one().get<std::optional<std::string>>(0).value_or("null");
  }

  // Notifications until `count` are there or none comes for `quiet`.
  std::vector<std::string> notifications(std::size_t count, seconds quiet = seconds(8)) {
    std::vector<std::string> payloads;
    while (payloads.size() < count) {
      const auto one = loop_.run(connection_->wait_notification(Clock::now() + quiet));
      if (!one) break;
      payloads.push_back(one->payload);
    }
    return payloads;
  }

  // Asks until the answer is `expected`; the last answer is shown when it never is.
  void wait_until(const std::string& sql, const std::string& expected) {
    const Deadline until = Clock::now() + seconds(40);
    std::string seen = value(sql);
    while (seen != expected && Clock::now() < until) {
      loop_.run(pause());
      seen = value(sql);
    }
    ASSERT_EQ(seen, expected) << sql;
  }

 private:
  static Deadline deadline() { return Clock::now() + seconds(60); }
  Task<void> pause() { (void)co_await loop_.sleep(std::chrono::milliseconds(20)); }

  Loop loop_;
  BlockingPool pool_{loop_, 1};
  std::unique_ptr<pg::Connection> connection_;
};

// The metric of a daemon that listens on a port of its own choice; the name as it is shown, with its labels.
inline int metric(const DaemonProcess& daemon, const std::string& name, int absent = -1) {
  const std::string log = daemon.log();
  const std::size_t at = log.find("address=127.0.0.1:");
  const std::string address = log.substr(at + 8, log.find_first_of(" \n", at) - at - 8);
  const std::string text = run_command({"curl", "-s", "http://" + address + "/metrics"}).output;
  const std::size_t line = text.find("\n" + name + " ");
  if (absent < 0) EXPECT_NE(line, std::string::npos) << text;
  return line == std::string::npos ? absent : std::stoi(text.substr(line + name.size() + 2));
}

inline std::vector<std::string> with_metrics() {
  return {"--metrics.listen", "127.0.0.1:0"};
}

class FaultTest : public testing::Test {
 protected:
  // Imports and publishes a flow in format 'sluice'.
  void publish(const std::string& document) {
    client_.run("select sluice.publish_flow(sluice.import_flow($flow$" + document + "$flow$::jsonb))");
  }

  std::string start(const std::string& flow) {
    return client_.value(fmt::format("select session_token from sluice.start_session('{}')", flow));
  }

  std::string member(const std::string& token, const std::string& path) {
    return client_.value(fmt::format("select sluice.session('{}') #>> '{{{}}}'", token, path));
  }

  void wait_for_status(const std::string& token, const std::string& status) {
    client_.wait_until(fmt::format("select sluice.session('{}') ->> 'status'", token), status);
  }

  TestDatabase database_;
  Client client_{database_.dsn()};
};

}  // namespace sluice::test
