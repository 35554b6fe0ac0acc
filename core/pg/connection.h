// One connection to PostgreSQL as coroutines of one loop, over libpq.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/blocking_pool.h"
#include "core/async/poll.h"
#include "core/pg/params.h"
#include "core/pg/pg_error.h"
#include "core/pg/pipeline.h"
#include "core/pg/result.h"

struct pg_conn;

namespace sluice::pg {

struct ConnectOptions {
  // Whatever libpq takes: a URI, "key=value …", several hosts, a service; empty: the PG* environment alone.
  std::string dsn;
  // Used unless the DSN or PGAPPNAME names one.
  std::string application_name = "sluice";
  // Set once connected, in this order: name, value. PgError of connect() when one is refused, as a role is.
  std::vector<std::pair<std::string, std::string>> settings = {};
  // The same as a statement, run after them: select set_config('name', 'value', $1), ...
  std::string preparation = {};
  // The DSN is known to give a session of its own, even if a pooler is on the way.
  bool session = false;
};

struct Notification {
  std::string channel;
  std::string payload;
  int server_pid = 0;  // of the backend that notified
};

// One operation at a time: a second one begun meanwhile throws Error. Every deadline that passes, and every operation
// that is destroyed before it ends, leaves the connection broken(): nobody knows what the server made of it. A broken
// connection only ever throws PgError{kLost}; drop it.
//
// Behind a pooler (pooled()) the next transaction may be another server process's, which others use too. So nothing is
// left behind in a session: settings hold for one transaction each and are sent ahead of it, in the same round trip,
// and statements are parsed anew each time, named or not. What needs a session (LISTEN, locks of the session) does not
// work.
//
// Errors: PgError from all operations. After kTransient or kPermanent the connection is usable (inside a transaction
// block that was begun explicitly, roll back first).
class Connection {
 public:
  // Connects without blocking the loop: whatever libpq may block on (files, name resolution) runs in `pool`. Defaults
  // below the DSN's own values, none of them when a service is named: keepalives after 10 s, each 5 s, 3 times;
  // tcp_user_timeout 15 s; target_session_attrs=primary. The server's side of the connection is given the same
  // keepalives, and looks every 5 s of a long statement whether its client is still there. `loop` and `pool` outlive
  // the connection. Throws PgError (kLost, exit code 69, when it cannot be reached, 77 when the role is refused) or
  // ConfigError when the DSN cannot be read.
  [[nodiscard]] static Task<std::unique_ptr<Connection>> connect(Loop& loop, BlockingPool& pool, ConnectOptions options,
                                                                 Deadline deadline = kNoDeadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One statement of any kind, parsed anew.
  Task<Result> query(std::string_view sql, Params params = {}, Deadline deadline = kNoDeadline);

  // One statement, prepared on this connection when first used, in the same round trip. Its parameters' types are those
  // of the first use; Error when a later use has others. A statement that the server has forgotten, or whose result
  // changed its shape after a migration, fails once with kTransient and is prepared anew when next used.
  Task<Result> query(const Statement& statement, Params params = {}, Deadline deadline = kNoDeadline);

  // All statements of `pipeline` in one round trip; their results in order, or the first error.
  Task<std::vector<Result>> run(Pipeline pipeline, Deadline deadline = kNoDeadline);

  // Several statements in one text, without parameters, as one implicit transaction unless the text has its own.
  Task<void> execute_script(std::string sql, Deadline deadline = kNoDeadline);

  // A round trip that asks nothing. Finds out half-open connections: the deadline then passes, which throws like any
  // other.
  Task<void> ping(Deadline deadline);

  // Asks the server, over a connection of its own, to cancel what this one is doing; the operation under way then
  // throws kTransient (SQLSTATE 57014). To be called by another coroutine than the one that waits. A server that cannot
  // be reached is logged only.
  Task<void> cancel();

  // Ends the connection from this side, whatever is under way: that throws kLost. To be called by another coroutine
  // than the one that waits, when an answer is known not to come any more. The server may still end and commit what it
  // does.
  void hang_up() noexcept;

  // The next notification of a channel that this connection LISTENs to, also one that came while a query ran; nothing
  // when the deadline passed or a stop came first. Being destroyed does not break the connection.
  Task<std::optional<Notification>> wait_notification(Deadline deadline = kNoDeadline, StopToken stop = {});

  // Those that have come so far, without waiting.
  [[nodiscard]] std::vector<Notification> take_notifications();

  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] bool busy() const noexcept { return busy_; }
  [[nodiscard]] bool pooled() const noexcept { return pooled_; }
  [[nodiscard]] bool in_transaction() const noexcept;  // inside a transaction block, failed or not

  // Whether the connection looks alive as far as can be told without a round trip: false if the server has closed it.
  [[nodiscard]] bool still_open() noexcept;

  // Where the connection leads: the server's address and port, or a pooler's; no address through a socket file.
  [[nodiscard]] std::string peer_address() const;
  [[nodiscard]] int peer_port() const;

  [[nodiscard]] int server_pid() const noexcept;
  [[nodiscard]] int server_version() const noexcept;  // as 150004
  [[nodiscard]] std::string quote_identifier(std::string_view name) const;

 private:
  // What the server has prepared under a name of ours.
  struct Prepared {
    std::string server_name;
    std::vector<unsigned> types;
  };
  using Statements = std::map<std::string, Prepared, std::less<>>;

  // What is sent for a pipeline and answered in this order: a statement's execution, or its preparation just before.
  struct Step {
    const Pipeline::Entry* entry;
    bool preparation;
  };
  struct Plan {
    std::vector<Step> steps;
    Statements preparing;
  };
  class Operation;

  Connection(Loop& loop, BlockingPool& pool, std::shared_ptr<pg_conn> connection);
  Task<void> set_session(const ConnectOptions& options, Deadline deadline);
  [[nodiscard]] std::size_t precede(Pipeline& pipeline) const;
  Task<Result> single(Pipeline pipeline, Deadline deadline);
  [[nodiscard]] Plan plan(const Pipeline& pipeline);
  void send(const Plan& plan);
  [[nodiscard]] bool send_step(const Step& step, const std::string& server_name);
  Task<void> flush(Deadline deadline);
  Task<std::optional<Result>> next_result(Deadline deadline);  // nothing at the end of a statement's results
  bool consume_input();                                        // false when the connection is gone
  void read_input();                                           // the same, but throws
  [[nodiscard]] ErrorKind kind_after(const Pipeline::Entry& entry, std::string_view sqlstate, const Result& result);
  [[noreturn]] void fail_lost(const std::string& reason) const;

  BlockingPool& pool_;
  std::shared_ptr<pg_conn> connection_;
  std::optional<Poll> poll_;  // destroyed before the connection closes its socket
  bool pooled_ = false;
  Pipeline preamble_;  // what each transaction begins with, if pooled
  Statements prepared_;
  std::uint64_t prepared_count_ = 0;  // makes server names that are never used twice
  std::deque<Notification> notifications_;
  bool broken_ = false;
  bool busy_ = false;
};

}  // namespace sluice::pg
