// The hosts of a DSN that names several. libpq goes on to the next when one refuses, and waits for ever for one that
// does not answer, such as the old primary after a failover; so whoever drives it must leave that one out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

typedef struct pg_conn PGconn;

namespace sluice::pg {

using Keywords = std::vector<std::pair<std::string, std::string>>;

class Hosts {
 public:
  // Those that this connection may try, whatever they come from: DSN, service file or environment.
  static Hosts of(PGconn* connection);

  [[nodiscard]] std::size_t count() const { return ports_.size(); }

  // Keywords that leave only the hosts after the one that the connection is trying; nothing when that is the last.
  [[nodiscard]] std::optional<Keywords> after(PGconn* connection) const;

 private:
  std::vector<std::string> names_;      // empty: only addresses are given
  std::vector<std::string> addresses_;  // empty: only names are given
  std::vector<std::string> ports_;
};

}  // namespace sluice::pg
