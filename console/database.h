// The console's two ways into the database: one that can only read, and one that may act.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/pg/pool.h"

namespace sluice::console {

class Database {
 public:
  // Reads as sluice_reader in read-only transactions; acts as sluice_api, only with `actions`. A statement has 5 s.
  Database(Loop& loop, BlockingPool& blocking, pg::ConnectOptions database, bool actions);

  // Opens every connection that reads and asks on each first_questions(): the first question on a connection takes ten
  // times as long as the next, for the server then reads its catalogues and plans. One that the server does not answer
  // is passed over; PgError (kLost) when the connection is gone.
  Task<void> warm();

  // Named statements of sql/queries/console. PgError as Connection::query; kLost when no connection could be had in
  // time.
  Task<pg::Result> read(std::string_view statement, pg::Params params = {});
  Task<pg::Result> act(std::string_view statement, pg::Params params = {});

  [[nodiscard]] bool may_act() const noexcept { return actor_.has_value(); }

 private:
  pg::Pool reader_;
  std::optional<pg::Pool> actor_;
};

}  // namespace sluice::console
