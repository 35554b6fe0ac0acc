// Daemons whose wall clock is wrong: what is due when is the database's to say.
#include <cstdlib>
#include <filesystem>

#include "tests/fault/fault_fixture.h"
#include "tests/support/sanitizer.h"

namespace sluice::test {
namespace {

// For the daemons that are started while it lives.
class WrongClock {
 public:
  explicit WrongClock(const char* offset) {
    setenv("LD_PRELOAD", library().c_str(), 1);
    setenv("FAKETIME", offset, 1);
    setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
  }
  ~WrongClock() {
    unsetenv("LD_PRELOAD");
    unsetenv("FAKETIME");
  }
  WrongClock(const WrongClock&) = delete;
  WrongClock& operator=(const WrongClock&) = delete;

 private:
  static std::string library() {
    for (const auto& folder : std::filesystem::directory_iterator("/usr/lib")) {
      const auto path = folder.path() / "faketime" / "libfaketimeMT.so.1";
      if (std::filesystem::exists(path)) return path;
    }
    throw std::runtime_error("libfaketime is missing: ./dev deps installs it");
  }
};

class ClockFault : public FaultTest {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "libfaketime does not get along with a sanitizer";
    publish(
        R"({"name": "hurry", "entry_node_id": "q", "nodes": [
          {"node_id": "q", "node_type": "question", "content": {"question": "Quick?", "input_type": "text", "variable": "user.quick", "timeout": 2}},
          {"node_id": "late", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Too late."}]}}],
          "connections": [{"source_node_id": "q", "target_node_id": "late", "connection_type": "timeout"}]})");
    publish(
        R"({"name": "idle", "entry_node_id": "q", "settings": {"session_timeout": 2}, "nodes": [
          {"node_id": "q", "node_type": "question", "content": {"question": "Anyone?", "input_type": "text", "variable": "user.any"}}], "connections": []})");
  }

  // A question's time and a session's run out when they should by the database's clock.
  void expect_timeouts() {
    const std::string late = start("hurry");
    const std::string idle = start("idle");
    wait_for_status(late, "completed");
    wait_for_status(idle, "abandoned");
    EXPECT_EQ(client_.value("select count(*) from sluice.conversation_sessions where ended_at - started_at < '2 s'"),
              "0");
  }
};

TEST_F(ClockFault, TimeoutsAreNotLateWhenAWorkersClockIsAhead) {
  const WrongClock ahead("+2h");
  DaemonProcess worker("worker", database_.dsn());
  expect_timeouts();
}

TEST_F(ClockFault, TimeoutsAreNotEarlyWhenAWorkersClockIsBehind) {
  const WrongClock behind("-2h");
  DaemonProcess worker("worker", database_.dsn());
  expect_timeouts();
}

}  // namespace
}  // namespace sluice::test
