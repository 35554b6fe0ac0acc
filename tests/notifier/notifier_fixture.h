// A database, notifiers as processes, and verbs to subscribe, emit and look.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/pg/connection.h"
#include "tests/notifier/receiver.h"
#include "tests/support/daemon_process.h"
#include "tests/support/test_database.h"

namespace sluice::notifier {

class NotifierTest : public testing::Test {
 protected:
  struct Endpoint {
    std::string id;
    std::string secret;
  };

  NotifierTest();

  [[nodiscard]] std::unique_ptr<test::DaemonProcess> start_notifier(const std::vector<std::string>& flags = {}) const;
  [[nodiscard]] std::unique_ptr<test::DaemonProcess> start_notifier_through(
      int port) const;  // of a proxy before the server

  Endpoint subscribe(const std::string& url, const std::string& options = "{}",
                     const std::optional<std::string>& secret = std::nullopt);
  void emit(int events, const std::string& key_prefix = "k");  // and fans them out to the endpoints, as a listener does
  void fan_out();

  void wait_for(const std::function<bool()>& holds, std::string_view what);  // fails the test after 30 s

  pg::Result query(std::string_view sql);
  std::string value(std::string_view sql);
  void wait_until(std::string_view sql);  // is true

  void wait_for_log(const test::DaemonProcess& daemon, std::string_view text);

  test::TestDatabase database_;
  Loop loop_;
  BlockingPool blocking_{loop_, 2};
  std::unique_ptr<pg::Connection> connection_;
};

}  // namespace sluice::notifier
