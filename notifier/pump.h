// Moves deliveries between the database and the sender over one connection: what has ended and the next claims go in
// one round trip.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "core/async/task_scope.h"
#include "core/base/backoff.h"
#include "core/http/address_guard.h"
#include "core/service/doorbell.h"
#include "core/service/process.h"
#include "notifier/agenda.h"
#include "notifier/commit.h"
#include "notifier/lanes.h"
#include "notifier/notifier_metrics.h"
#include "notifier/sealer.h"
#include "notifier/sender.h"
#include "notifier/validator.h"

namespace sluice::notifier {

class Pump {
 public:
  struct Limits {
    int in_flight;    // deliveries claimed whose outcome is not written
    int batch = 128;  // rows of one claim, outcomes of one commit
  };

  // Called at each connect, and when the connection was lost.
  struct Callbacks {
    std::function<void(const pg::Connection& connection, const pg::Result& server)> connected;
    std::function<void()> disconnected;
  };

  Pump(Loop& loop, pg::Reconnector reconnector, Process& process, Sender& sender, const WebhookKeys& keys,
       NotifierMetrics& metrics, Limits limits, Callbacks callbacks);

  // Claims and commits until `stop`; then only commits, until nothing is in flight or `grace` has passed. What is still
  // in flight then is broken off, which spends no attempt, and all lanes are given back.
  Task<void> run(StopToken stop, Clock::duration grace);

  // Tells the pump when to claim, by the doorbell. Runs beside run().
  Task<void> listen(Doorbell& doorbell, StopToken stop);

 private:
  // What one round trip asks for, by place in its results; -1: not asked.
  struct Asked {
    int commit = -1;
    std::array<int, kQueues> claims{-1, -1, -1};
    std::array<int, kQueues> limits{};  // of the claims, in rows
    int next_due = -1;
    bool wanted = false;                  // by the doorbell
    Deadline lanes_change = kNoDeadline;  // when what these claims could not take may be taken
    Lanes::News news;                     // written by the commit
    [[nodiscard]] bool anything() const { return commit >= 0 || claims[0] >= 0; }
  };

  Task<void> connect(StopToken stop);
  Task<void> review(StopToken stop);
  Task<void> round(bool claim, StopToken stop);
  Task<void> resolve_doubts();
  Task<void> commit_parts(std::vector<Ended> batch, bool transient, StopToken stop);
  Task<void> deliver(Delivery delivery, std::uint64_t era);
  void begin_waiting(const Uuid& endpoint);
  Task<void> finish(Deadline until);
  Task<void> give_up_at(Deadline until);
  void disconnect();

  [[nodiscard]] std::vector<Ended> take_batch();
  void add_commit(pg::Pipeline& pipeline, Asked& asked, std::span<const Ended> batch);
  void add_claims(pg::Pipeline& pipeline, Asked& asked);
  void settle(std::span<const Ended> batch, const pg::Result& result);
  void start_claimed(const Asked& asked, const std::vector<pg::Result>& results);
  bool start(const pg::Result& rows, Queue queue);
  void was_written(const Ended& ended);
  void put_back(std::vector<Ended> batch);
  void drop(const Ended& ended, std::string_view outcome);

  [[nodiscard]] int capacity() const { return limits_.in_flight - static_cast<int>(lanes_.in_flight()); }
  [[nodiscard]] bool wants_claim(Clock::time_point now) const;
  [[nodiscard]] Deadline wake_at() const;
  [[nodiscard]] double random() { return random_fraction(random_); }

  Loop& loop_;
  pg::Reconnector reconnector_;
  Process& process_;
  Sender& sender_;
  NotifierMetrics& metrics_;
  Limits limits_;
  Callbacks callbacks_;
  std::mt19937_64 random_{std::random_device{}()};

  std::unique_ptr<pg::Connection> connection_;
  Process::Claimant claimant_;  // under which our lanes are ours
  Lanes lanes_;
  Destinations destinations_;
  Sealer sealer_;
  Validator validator_;
  std::deque<Ended> ended_;  // to be written
  StopSource break_off_;     // of requests in flight
  StopSource given_up_;      // of what the end still waits for
  TaskScope running_;
  Event work_;     // something to write, or a claim is wanted
  Event claimed_;  // a claim that the doorbell wanted was made

  Agenda agenda_;
  bool claim_wanted_ = false;                       // by the doorbell, and not asked for yet
  bool news_ = false;                               // the last claim found what nobody here had scheduled
  std::array<std::optional<Uuid>, kQueues> after_;  // round robin: the endpoint of the last row
  Clock::time_point reviewed_{};
};

}  // namespace sluice::notifier
