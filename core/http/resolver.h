// Names to addresses. An interface, so that tests can answer as they please.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/async/blocking_pool.h"
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

// getaddrinfo on threads of its own. Numeric hosts are answered at once. A call whose deadline has passed before a
// thread took it is skipped, so a dead name server costs no more than what is under way.
class SystemResolver final : public Resolver {
 public:
  SystemResolver(Loop& loop, int threads) : pool_(loop, threads) {}
  [[nodiscard]] Task<Resolution> resolve(std::string host, Deadline deadline, StopToken stop) override;

 private:
  BlockingPool pool_;
};

}  // namespace sluice::http
