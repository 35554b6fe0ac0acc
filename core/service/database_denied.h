// Keeps requests away from the database itself (WEBHOOKS 5).
#pragma once

#include <string>

#include "core/http/address_guard.h"
#include "core/pg/result.h"

namespace sluice {

// Nothing that a flow or a subscriber names may lead to the database, wherever it is after a failover. Its address is
// unknown when it is reached through a socket file.
class DatabaseDenied {
 public:
  explicit DatabaseDenied(http::AddressGuard& guard) : guard_(guard) {}

  // At each connect, with the row of the query database_address.
  void connected(const pg::Row& server);

 private:
  http::AddressGuard& guard_;
  std::string last_;
};

}  // namespace sluice
