// Daemons whose wall clock is wrong: what is due when is the database's to say.
#include <filesystem>

#include "tests/fault/fault_fixture.h"
#include "tests/support/sanitizer.h"

namespace sluice::test {
namespace {

std::string faketime() {
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib")) {
    const auto path = folder.path() / "faketime" / "libfaketimeMT.so.1";
    if (std::filesystem::exists(path)) return path;
  }
  throw std::runtime_error("libfaketime is missing: ./dev deps installs it");
}

// The environment of a daemon whose wall clock is wrong by `offset`.
std::vector<std::string> wrong_clock(const std::string& offset) {
  return {"LD_PRELOAD=" + faketime(), "FAKETIME=" + offset, "FAKETIME_DONT_FAKE_MONOTONIC=1"};
}

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
  DaemonProcess worker("worker", database_.dsn(), {}, wrong_clock("+2h"));
  expect_timeouts();
}

TEST_F(ClockFault, TimeoutsAreNotEarlyWhenAWorkersClockIsBehind) {
  DaemonProcess worker("worker", database_.dsn(), {}, wrong_clock("-2h"));
  expect_timeouts();
}

}  // namespace
}  // namespace sluice::test
