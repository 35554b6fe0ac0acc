#include "core/service/database_denied.h"

namespace sluice {

void DatabaseDenied::reached(const pg::Connection& connection) {
  deny(connection.peer_address(), connection.peer_port());
}

void DatabaseDenied::connected(const pg::Connection& connection, const pg::Row& server) {
  reached(connection);
  if (!server.is_null("address")) deny(std::string(server.text("address")), server.get<std::int32_t>("port"));
}

void DatabaseDenied::deny(const std::string& address, int port) {
  if (!denied_.emplace(address, port).second) return;
  if (const auto numeric = http::Address::from_numeric(address))
    guard_.deny({*numeric, static_cast<std::uint16_t>(port)});
}

}  // namespace sluice
