// Events as they are committed, to the browsers that watch: one reader of the log for all of them, and only while there
// is one.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "console/database.h"
#include "core/async/event.h"
#include "core/http/decode.h"
#include "core/http/server.h"

namespace sluice::console {

// A Last-Event-ID: the id of an event, or 0 when the text is not wholly one.
[[nodiscard]] std::int64_t event_id_in(std::string_view text) noexcept;

class Live {
 public:
  Live(Loop& loop, Database& database) : loop_(loop), database_(database), joined_(loop) {}

  // Answers with a stream of server-sent events, of the type (or types, "order.*") that the parameters name. It goes on
  // after the request's Last-Event-ID, with the newest 1,000 at most; without one it begins now. 503 when 16 are open
  // already. A browser that does not read what it is sent is told that it lost events, and has to ask again.
  [[nodiscard]] http::Reply open(const http::ServerRequest& request, const http::Parameters& parameters);

  // Reads the log twice a second while somebody watches, until `stop`. An outage of the database is waited out, and
  // nothing is left out because of it.
  Task<void> run(StopToken stop);

 private:
  struct Watcher {
    std::shared_ptr<http::Stream> stream;
    std::string pattern;     // "" or "*": every type
    std::int64_t after = 0;  // what was seen last
    bool joined = false;     // gets what the reader reads
  };

  Task<void> read();
  Task<void> catch_up(Watcher& watcher);
  void send(Watcher& watcher, const pg::Row& row) const;
  void lose(Watcher& watcher, std::string_view why) const;
  void keep_alive();

  Loop& loop_;
  Database& database_;
  Event joined_;
  std::list<Watcher> watchers_;
  std::string snapshot_;  // everything visible in it was sent; "": nothing was read yet
};

}  // namespace sluice::console
