#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

class Notifications : public PgTest {
 protected:
  void SetUp() override { (void)query(*listener_, "listen bell"); }
  std::optional<Notification> wait(milliseconds delay = seconds(20)) {
    return loop_.run(listener_->wait_notification(in(delay)));
  }
  void notify(std::string_view payload) {
    (void)query(*sender_, "select pg_notify('bell', $1)", Params().text(payload));
  }

  std::unique_ptr<Connection> listener_ = connect();
  std::unique_ptr<Connection> sender_ = connect();
};

TEST_F(Notifications, ArriveWhileWaiting) {
  notify("ключ");
  const auto got = wait();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->channel, "bell");
  EXPECT_EQ(got->payload, "ключ");
  EXPECT_EQ(got->server_pid, sender_->server_pid());
}

TEST_F(Notifications, WakeAWaiterThatCameFirst) {
  auto waiting = [](Connection& on, std::string& payload) -> Task<void> {
    const std::optional<Notification> got = co_await on.wait_notification(patience());
    if (got) payload = got->payload;
  };
  auto body = [&]() -> Task<void> {
    std::string payload;
    TaskScope scope(loop_);
    scope.spawn(waiting(*listener_, payload));
    (void)co_await sender_->query("notify bell, 'now'", {}, patience());
    co_await scope.join();
    EXPECT_EQ(payload, "now");
  };
  loop_.run(body());
}

TEST_F(Notifications, AreKeptWhenTheyComeDuringQueries) {
  notify("one");
  notify("two");
  EXPECT_EQ(value(*listener_, "select 1"), "1");
  EXPECT_EQ(wait()->payload, "one");
  const std::vector<Notification> rest = listener_->take_notifications();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].payload, "two");
}

TEST_F(Notifications, ADeadlineOrAStopEndsTheWaitAndKeepsTheConnection) {
  EXPECT_FALSE(wait(milliseconds(5)));
  StopSource stop;
  stop.request_stop();
  EXPECT_FALSE(loop_.run(listener_->wait_notification(kNoDeadline, stop.token())));
  notify("still here");
  EXPECT_EQ(wait()->payload, "still here");
}

TEST_F(Notifications, ADestroyedWaitKeepsTheConnection) {
  auto waiting = [](Connection& on) -> Task<void> { (void)co_await on.wait_notification(); };
  auto body = [&]() -> Task<void> {
    TaskScope scope(loop_);
    scope.spawn(waiting(*listener_));
    (void)co_await loop_.sleep(milliseconds(1));
    EXPECT_TRUE(listener_->busy());
  };
  loop_.run(body());
  EXPECT_FALSE(listener_->broken());
  notify("after");
  EXPECT_EQ(wait()->payload, "after");
}

}  // namespace
}  // namespace sluice::pg
