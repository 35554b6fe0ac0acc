// When a worker claims, with several of them: one, the scout, looks out for new tasks by the doorbell; the others sleep
// without polling until it calls. It calls when a claim came back full, for then there may be more than it can take; it
// gives its place up when it has no room; and when it dies or is not heard of for 4 s, another takes its place.
#pragma once

#include <functional>
#include <memory>

#include "core/service/doorbell.h"
#include "workers/worker_metrics.h"

namespace sluice::workers {

// What a claim came to.
struct Claimed : Polled {
  bool full = false;  // as many tasks as were asked for
};

class Scout {
 public:
  // Has a connection of its own, to the server itself, for a lock and for the others' calls. When `wake` is by polling
  // it needs none: each worker polls for itself.
  Scout(Loop& loop, BlockingPool& pool, pg::ConnectOptions options, Wake wake, Doorbell& doorbell,
        WorkerMetrics& metrics);

  // As that of Doorbell, also while another worker is the scout.
  void on_outage(const std::function<void(bool over)>& call) {
    reconnector_.on_outage(call);
    doorbell_.on_outage(call);
  }

  void on_connected(const std::function<void(const pg::Connection& connection)>& call) {
    reconnector_.on_connected(call);
    doorbell_.on_connected(call);
  }

  // Tells the outcome of the last claim and returns when it is time for the next, or when `stop` came. A lost
  // connection is made anew here, and counts as a call.
  Task<void> next(Claimed last, StopToken stop);

  // Whether next() returned because somebody notified this worker, which slept or was about to: most likely there is a
  // task, and no more.
  [[nodiscard]] bool rung() const noexcept { return scout_ && doorbell_.rung(); }

  // This worker has no room: lets another look out. The next next() asks for the place again.
  Task<void> step_down();

 private:
  Task<void> connect(StopToken stop);
  Task<void> follow(Claimed last, StopToken stop);
  Task<void> lead(Claimed last, StopToken stop);
  Task<bool> ask_for_place();
  Task<void> run(std::string_view query);
  void become(bool scout);

  pg::Reconnector reconnector_;
  bool by_notification_;
  Doorbell& doorbell_;
  std::unique_ptr<pg::Connection> connection_;
  bool scout_ = false;
  bool ask_now_ = true;
  Clock::time_point heard_{};   // when the scout's session last did something
  Clock::time_point called_{};  // when it last called
  WorkerMetrics& metrics_;
};

}  // namespace sluice::workers
