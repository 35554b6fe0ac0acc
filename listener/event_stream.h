// Looks for new events and keeps the consumers that are this listener's running.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/async/task_scope.h"
#include "core/pg/pool.h"
#include "core/pg/reconnect.h"
#include "core/service/doorbell.h"
#include "listener/consumer.h"

namespace sluice::listener {

// Several listeners share the consumers: each runs those whose advisory lock it got, on one connection, with which the
// locks go. What a dead listener ran is taken over within the 2 s between two looks at the list.
class EventStream {
 public:
  // `handlers`: those in C++, by the kind of their consumers.
  EventStream(Loop& loop, pg::Reconnector reconnector, pg::Pool& pool, Handlers handlers, int batch_size,
              ListenerMetrics& metrics);

  // Polls when `doorbell` says so until `stop`, then lets the consumers finish their batch. `on_ready` is called at
  // each connect. Throws Error when the cursors are another database's: restored or rewound (DESIGN 4).
  Task<void> run(Doorbell& doorbell, StopToken stop, std::function<void()> on_ready);

 private:
  struct Running {
    explicit Running(Loop& loop) : scope(loop) {}
    std::unique_ptr<Consumer> consumer;
    std::optional<Clock::time_point>
        idle;         // when its statement was sent, if the server was not at work on it when last asked
    TaskScope scope;  // of the one task that runs it; destroyed first
  };

  Task<void> connect(StopToken stop);
  Task<bool> poll();
  void wake_consumers() noexcept;
  void ring() noexcept;
  Task<void> review();
  Task<void> give_up_lost_statements();
  Task<void> take(const ConsumerSpec& spec);
  Task<void> let_go(std::int64_t id);
  Task<void> drop_all(Clock::duration grace);
  Task<void> hang_up_all(Clock::time_point when, StopToken stop);
  Task<void> refuse_foreign_cursors();

  Loop& loop_;
  pg::Reconnector reconnector_;
  pg::Pool& pool_;
  Handlers handlers_;
  int batch_size_;
  ListenerMetrics& metrics_;
  std::unique_ptr<pg::Connection> connection_;
  std::optional<std::string> snapshot_;  // of the last poll
  std::map<std::int64_t, std::unique_ptr<Running>> running_;
  Clock::time_point reviewed_{};
};

}  // namespace sluice::listener
