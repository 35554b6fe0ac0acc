// Circuit breakers (FLOW 8), shared by all workers through sluice.circuit_breakers. Calls to hosts that are well cost
// no round trip but one a second in all: breakers that are not well are few, and are read together.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/async/event.h"
#include "core/flow/engine.h"
#include "core/http/address_guard.h"
#include "core/http/request.h"
#include "core/pg/params.h"
#include "core/pg/pool.h"
#include "core/pg/result.h"

namespace sluice::workers {

struct BreakerCall {
  std::string key;  // empty: no breaker is asked
  flow::HttpCall::Breaker limits;
  std::chrono::milliseconds timeout;  // of the request: how long it can be the probe
  std::int64_t process;               // under which its task is claimed; a probe counts while that process lives
};

struct Admission {
  bool allowed = true;
  std::chrono::milliseconds wait{0};  // when not allowed: how long until it is worth asking again
  bool watched = false;               // the breaker has failures of late, so that a success is news as well
  bool probe = false;
};

// The flow's key; else the host; else, when a secret holds the host, that secret's name. Empty for a URL that the guard
// refuses. `call` is without its secrets: none must get into a key.
[[nodiscard]] std::string breaker_key(const flow::HttpCall& call, const http::AddressGuard& guard);

// Whether the host did well: not on transport errors, timeouts, 5xx and 429. Nothing when it had no say: our guard or a
// fault of ours.
[[nodiscard]] std::optional<bool> did_well(const http::Response& response);

class Breakers {
 public:
  Breakers(Loop& loop, pg::Pool& connections) : connections_(connections), loaded_(loop), sent_(loop) {}

  // Whether the call may go now. Lets calls go while the database cannot be asked. What it allows is to be reported.
  Task<Admission> admit(const BreakerCall& call);

  // Returns once the result counts for all workers, or the database could not be told, which is logged.
  Task<void> report(const BreakerCall& call, const Admission& admission, std::optional<bool> good);

 private:
  struct Known {
    bool closed;                      // with failures of late
    Clock::time_point blocked_until;  // when not closed: nothing is admitted before
  };
  struct Report {
    BreakerCall call;
    bool probe;
    std::optional<bool> good;
  };

  Task<void> refresh();
  Task<void> load();
  Task<void> send_reports();
  Task<std::optional<pg::Result>> ask(std::string_view statement, pg::Params params);
  void learn(std::unordered_map<std::string, Known> now);
  void learn_of(const std::vector<Report>& reports, const pg::Result& rows);

  pg::Pool& connections_;
  std::unordered_map<std::string, Known> known_;
  Clock::time_point loaded_at_{};
  bool loading_ = false;
  Event loaded_;
  std::vector<Report> reports_;  // not sent yet
  std::uint64_t reports_made_ = 0;
  std::uint64_t reports_done_ = 0;
  bool sending_ = false;
  Event sent_;
};

}  // namespace sluice::workers
