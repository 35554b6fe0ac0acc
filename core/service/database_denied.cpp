#include "core/service/database_denied.h"

namespace sluice {

void DatabaseDenied::connected(const pg::Row& server) {
  if (server.is_null("address") || server.text("address") == last_) return;
  last_ = server.text("address");
  const auto port = static_cast<std::uint16_t>(server.get<std::int32_t>("port"));
  if (const auto address = http::Address::from_numeric(last_)) guard_.deny({*address, port});
}

}  // namespace sluice
