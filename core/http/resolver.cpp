#include "core/http/resolver.h"

#include <netdb.h>

#include <algorithm>

namespace sluice::http {
namespace {

// Runs on a pool thread.
Resolution look_up(const std::string& host) {
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
  std::optional<Resolution> found =
      co_await pool_.run_until<Resolution>([host] { return look_up(host); }, deadline, stop);
  if (found) co_return std::move(*found);
  co_return Resolution{stop.stop_requested() ? kStopped : kTimeout, {}};
}

}  // namespace sluice::http
