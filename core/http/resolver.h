// Names to addresses. An interface, so that tests can answer as they please.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/async/blocking_pool.h"
#include "core/async/task_scope.h"
#include "core/http/address.h"

namespace sluice::http {

struct Resolution {
  enum class Outcome {
    kFound,
    kNotFound,     // the name has no address
    kUnavailable,  // no answer from a name server: our own fault or theirs
    kTimeout,
    kStopped,
  };
  Outcome outcome = Outcome::kNotFound;
  std::vector<Address> addresses;  // in the order to try; never empty when found
};

class Resolver {
 public:
  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;
  [[nodiscard]] virtual Task<Resolution> resolve(std::string host, Deadline deadline, StopToken stop) = 0;
};

// getaddrinfo on threads of its own. Numeric hosts are answered at once. Whoever asks for a name that is being looked
// up waits for the same answer, so that a name whose server is dead takes one thread and leaves the others to other
// names; a look-up that nobody waits for any more when a thread comes to it is skipped.
class SystemResolver final : public Resolver {
 public:
  SystemResolver(Loop& loop, int threads) : loop_(loop), pool_(loop, threads), running_(loop) {}
  [[nodiscard]] Task<Resolution> resolve(std::string host, Deadline deadline, StopToken stop) override;

 private:
  struct Lookup {
    explicit Lookup(Loop& loop) : over(loop) {}
    Event over;
    Resolution answer;
    std::atomic<int> waiting = 0;  // who wants the answer
  };
  Task<void> look_up(std::string host, std::shared_ptr<Lookup> lookup);

  Loop& loop_;
  BlockingPool pool_;
  std::unordered_map<std::string, std::shared_ptr<Lookup>> under_way_;  // by host
  TaskScope running_;
};

}  // namespace sluice::http
