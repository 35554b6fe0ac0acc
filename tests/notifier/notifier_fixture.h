// A database, notifiers as processes, and verbs to subscribe, emit and look.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/pg/connection.h"
#include "tests/notifier/receiver.h"
#include "tests/support/test_database.h"

namespace sluice::notifier {

// notifier_process as a child; killed when destroyed.
class NotifierProcess {
 public:
  NotifierProcess(const std::string& dsn, const std::vector<std::string>& flags);
  ~NotifierProcess();
  NotifierProcess(const NotifierProcess&) = delete;
  NotifierProcess& operator=(const NotifierProcess&) = delete;

  void kill_at_once();  // SIGKILL
  void ask_to_stop();   // SIGTERM
  int wait_for_exit();  // exit code; 128 + signal

 private:
  pid_t pid_ = -1;
};

class NotifierTest : public testing::Test {
 protected:
  struct Endpoint {
    std::string id;
    std::string secret;
  };

  NotifierTest();

  [[nodiscard]] std::unique_ptr<NotifierProcess> start_notifier(std::vector<std::string> flags = {}, const std::string& dsn = {});

  Endpoint subscribe(const std::string& url, const std::string& options = "{}", std::optional<std::string> secret = std::nullopt);
  void emit(int events, const std::string& key_prefix = "k");  // and fans them out to the endpoints, as a listener does
  void fan_out();

  pg::Result query(std::string_view sql);
  std::string value(std::string_view sql);
  void wait_until(std::string_view sql);  // is true; fails the test after 30 s

  test::TestDatabase database_;
  Loop loop_;
  BlockingPool blocking_{loop_, 2};
  std::unique_ptr<pg::Connection> connection_;
};

}  // namespace sluice::notifier
