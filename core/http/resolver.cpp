#include "core/http/resolver.h"

#include <netdb.h>

#include <algorithm>

namespace sluice::http {
namespace {

// Runs on a pool thread.
Resolution ask(const std::string& host) {
  using enum Resolution::Outcome;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  if (status == EAI_NONAME || status == EAI_NODATA || status == EAI_ADDRFAMILY) return {kNotFound, {}};
  if (status != 0) return {kUnavailable, {}};

  Resolution resolution{kFound, {}};
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const auto address = Address::from_socket(entry->ai_addr);
    if (address && std::ranges::find(resolution.addresses, *address) == resolution.addresses.end()) {
      resolution.addresses.push_back(*address);
    }
  }
  if (resolution.addresses.empty()) resolution.outcome = kNotFound;
  return resolution;
}

}  // namespace

Task<Resolution> SystemResolver::resolve(std::string host, Deadline deadline, StopToken stop) {
  using enum Resolution::Outcome;
  if (const auto numeric = Address::from_numeric(host)) co_return Resolution{kFound, {*numeric}};
  struct Waiting {
    explicit Waiting(Lookup& on) : lookup(on) { lookup.waiting += 1; }
    ~Waiting() { lookup.waiting -= 1; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Lookup& lookup;
  };
  const auto known = under_way_.find(host);
  const bool joins = known != under_way_.end();
  const std::shared_ptr<Lookup> lookup = joins ? known->second : std::make_shared<Lookup>(loop_);
  const Waiting waiting(*lookup);
  if (!joins) {
    under_way_.emplace(host, lookup);
    running_.spawn(look_up(host, lookup));
  }
  const Woken woken = co_await lookup->over.wait(deadline, stop);
  if (woken == Woken::kReady) co_return lookup->answer;
  co_return Resolution{woken == Woken::kStopped ? kStopped : kTimeout, {}};
}

Task<void> SystemResolver::look_up(std::string host, std::shared_ptr<Lookup> lookup) {
  const std::function<std::optional<Resolution>()> call = [host, lookup]() -> std::optional<Resolution> {
    if (lookup->waiting == 0) return std::nullopt;
    return ask(host);
  };
  std::optional<Resolution> answer;
  do {  // again if somebody came just after it was skipped
    answer = co_await pool_.run(call);
  } while (!answer && lookup->waiting > 0);
  if (answer) lookup->answer = std::move(*answer);
  under_way_.erase(host);
  lookup->over.set();
}

}  // namespace sluice::http
