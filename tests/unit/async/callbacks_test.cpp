#include "core/async/callbacks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <latch>

#include "core/async/blocking_pool.h"
#include "core/async/event.h"
#include "core/base/errors.h"

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct Counted {
  explicit Counted(Loop& loop) : enough(loop) {}
  Event enough;
  int calls = 0;
  std::unique_ptr<Watch> watch;
  std::unique_ptr<Timer> timer;
};

Task<void> wait_for(Event& event) {
  (void)co_await event.wait();
}

TEST(Watch, CallsBackUntilStoppedAndMayBeDestroyedInside) {
  Loop loop;
  Counted counted(loop);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "abc", 3), 3);
  const auto read_one = [](void* owner, int fd, unsigned ready) noexcept {
    auto& self = *static_cast<Counted*>(owner);
    char byte = 0;
    EXPECT_EQ(ready, static_cast<unsigned>(Readiness::kReadable));
    EXPECT_EQ(read(fd, &byte, 1), 1);
    if (++self.calls < 3) return;
    self.watch.reset();
    self.enough.set();
  };
  counted.watch = std::make_unique<Watch>(loop, ends[0], read_one, &counted);
  counted.watch->start(Readiness::kReadable);
  loop.run(wait_for(counted.enough));
  EXPECT_EQ(counted.calls, 3);
  close(ends[0]);
  close(ends[1]);
}

TEST(Watch, ADescriptorThatCannotBeWatchedIsAnError) {
  Loop loop;
  EXPECT_THROW(Watch(loop, -1, [](void*, int, unsigned) noexcept {}, nullptr), Error);
}

TEST(Timer, CallsOnceForEachStartAndMayStartAgainInside) {
  Loop loop;
  Counted counted(loop);
  counted.timer = std::make_unique<Timer>(
      loop,
      [](void* owner) noexcept {
        auto& self = *static_cast<Counted*>(owner);
        if (++self.calls < 3) {
          self.timer->start(milliseconds(0));
        } else {
          self.enough.set();
        }
      },
      &counted);
  counted.timer->start(hours(1));
  counted.timer->start(milliseconds(1));  // in place of the hour
  loop.run(wait_for(counted.enough));
  EXPECT_EQ(counted.calls, 3);
}

TEST(BlockingPool, GivesUpAtTheDeadlineAndSkipsWhatNobodyWaitsForAnyMore) {
  Loop loop;
  std::latch release(1);
  std::atomic<int> ran = 0;
  {
    BlockingPool pool(loop, 1);
    auto body = [&]() -> Task<void> {
      const auto soon = Clock::now() + milliseconds(5);
      const std::optional<int> blocked = co_await pool.run_until<int>(
          [&release] {
            release.wait();
            return 1;
          },
          soon);
      EXPECT_FALSE(blocked);
      const std::optional<int> queued = co_await pool.run_until<int>([&ran] { return ++ran; }, soon);
      EXPECT_FALSE(queued);
      release.count_down();
      const std::optional<int> last = co_await pool.run_until<int>([] { return 3; }, Clock::now() + hours(1));
      EXPECT_EQ(last, 3);
    };
    loop.run(body());
  }
  EXPECT_EQ(ran, 0);
}

}  // namespace
}  // namespace sluice
