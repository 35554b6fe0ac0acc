#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "core/async/blocking_pool.h"
#include "core/async/poll.h"
#include "core/async/task_scope.h"

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

Task<int> twice(int value) {
  co_return value * 2;
}
Task<int> failing() {
  throw std::runtime_error("broken");
  co_return 0;
}

TEST(Task, ReturnsAndThrowsThroughTheLoop) {
  Loop loop;
  EXPECT_EQ(loop.run(twice(21)), 42);
  EXPECT_THROW(loop.run(failing()), std::runtime_error);
}

TEST(Task, LongChainsUseOneStackFrame) {
  Loop loop;
  auto sum = [](int count) -> Task<int> {
    int total = 0;
    for (int i = 0; i < count; ++i) {
      const int part = co_await twice(i % 2);
      total += part;
    }
    co_return total;
  };
  EXPECT_EQ(loop.run(sum(200'000)), 200'000);
}

TEST(Loop, SleepEndsByDeadlineOrStop) {
  Loop loop;
  StopSource stop;
  auto body = [&]() -> Task<void> {
    const Woken slept = co_await loop.sleep(milliseconds(1));
    EXPECT_EQ(slept, Woken::kTimeout);
    stop.request_stop();
    const Woken stopped = co_await loop.sleep(hours(1), stop.token());
    EXPECT_EQ(stopped, Woken::kStopped);
  };
  loop.run(body());
}

TEST(Loop, ATaskThatNothingCanWakeIsReported) {
  Loop loop;
  Event never(loop);
  auto body = [&]() -> Task<void> { (void)co_await never.wait(); };
  EXPECT_THROW(loop.run(body()), std::exception);
}

TEST(Event, KeepsASetForTheNextWaiter) {
  Loop loop;
  Event event(loop);
  auto body = [&]() -> Task<void> {
    event.set();
    const Woken kept = co_await event.wait();
    EXPECT_EQ(kept, Woken::kReady);
    const Woken timed = co_await event.wait(Clock::now() + milliseconds(1));
    EXPECT_EQ(timed, Woken::kTimeout);
  };
  loop.run(body());
}

TEST(TaskScope, JoinsAllAndReportsTheFirstFailure) {
  Loop loop;
  auto body = [&]() -> Task<void> {
    TaskScope scope(loop);
    int finished = 0;
    auto wait_for_stop = [](Loop& on, StopToken stop, int& count) -> Task<void> {
      const Woken woken = co_await on.sleep(hours(1), stop);
      EXPECT_EQ(woken, Woken::kStopped);
      count += 1;
    };
    auto fail = [](Loop& on) -> Task<void> {
      (void)co_await on.sleep(milliseconds(1));
      throw std::runtime_error("first");
    };
    scope.spawn(wait_for_stop(loop, scope.stop_token(), finished));
    scope.spawn(wait_for_stop(loop, scope.stop_token(), finished));
    scope.spawn(fail(loop));
    try {
      co_await scope.join();
      ADD_FAILURE() << "join did not throw";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "first");
    }
    EXPECT_EQ(finished, 2);
  };
  loop.run(body());
}

TEST(TaskScope, DestroyingItCancelsWhatRuns) {
  Loop loop;
  bool cancelled = false;
  struct OnExit {
    bool& flag;
    ~OnExit() { flag = true; }
  };
  auto sleeper = [](Loop& on, bool& flag) -> Task<void> {
    const OnExit guard{flag};
    (void)co_await on.sleep(hours(1));
  };
  auto body = [&]() -> Task<void> {
    TaskScope scope(loop);
    scope.spawn(sleeper(loop, cancelled));
    (void)co_await loop.sleep(milliseconds(1));
    EXPECT_EQ(scope.running(), 1U);
  };
  loop.run(body());
  EXPECT_TRUE(cancelled);
}

TEST(Poll, WakesWhenReadableAndTimesOutOtherwise) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  auto body = [&]() -> Task<void> {
    Poll poll(loop, ends[0]);
    const Woken idle = co_await poll.wait(Readiness::kReadable, Clock::now() + milliseconds(1));
    EXPECT_EQ(idle, Woken::kTimeout);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
    const Woken ready = co_await poll.wait(Readiness::kReadable);
    EXPECT_EQ(ready, Woken::kReady);
  };
  loop.run(body());
  close(ends[0]);
  close(ends[1]);
}

TEST(BlockingPool, RunsOffTheLoopAndBringsBackResultsAndFailures) {
  Loop loop;
  BlockingPool pool(loop, 2);
  auto body = [&]() -> Task<void> {
    const auto here = std::this_thread::get_id();
    const bool elsewhere = co_await pool.run<bool>([here] { return std::this_thread::get_id() != here; });
    EXPECT_TRUE(elsewhere);
    bool failed = false;
    try {
      (void)co_await pool.run<int>([]() -> int { throw std::runtime_error("in the pool"); });
    } catch (const std::runtime_error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
  };
  loop.run(body());
}

}  // namespace
}  // namespace sluice
