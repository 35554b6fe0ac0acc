// Keeps requests away from the database itself (WEBHOOKS 5).
#pragma once

#include <set>
#include <string>
#include <utility>

#include "core/http/address_guard.h"
#include "core/pg/connection.h"

namespace sluice {

// Nothing that a flow or a subscriber names may lead to the database, wherever it is after a failover, nor to a pooler
// before it. Their addresses are unknown when they are reached through a socket file, and the server's when only a
// pooler reaches it so.
class DatabaseDenied {
 public:
  explicit DatabaseDenied(http::AddressGuard& guard) : guard_(guard) {}

  // At each connect by database.session_dsn, which goes past the pooler.
  void reached(const pg::Connection& connection);
  // At each connect by database.dsn, with the row of the query database_address.
  void connected(const pg::Connection& connection, const pg::Row& server);

 private:
  void deny(const std::string& address, int port);

  http::AddressGuard& guard_;
  std::set<std::pair<std::string, int>> denied_;
};

}  // namespace sluice
