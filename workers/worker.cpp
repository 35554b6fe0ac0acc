#include "workers/worker.h"

#include "core/pg/pool.h"
#include "core/service/database.h"
#include "core/service/database_denied.h"
#include "core/service/http_options.h"
#include "core/service/schema.h"
#include "sql/sql_text.h"
#include "workers/pump.h"

namespace sluice::workers {
namespace {

constexpr std::size_t kFlowVersions = 256;  // kept in memory
constexpr std::size_t kConnections = 4;     // for loading flows and running sql tasks
constexpr int kBlockingThreads = 2;

class Worker : public Service {
 public:
  [[nodiscard]] std::string_view name() const override { return "worker"; }

  Task<void> run(ServiceContext& context) override {
    const pg::ConnectOptions database = database_of(context.options, "sluice worker");
    const Wake wake = Wake::from(context.options);
    BlockingPool blocking(context.loop, kBlockingThreads);
    pg::Pool pool(context.loop, blocking, database, kConnections);
    {
      pg::Reconnector reconnector(context.loop, blocking, database, "worker");
      reconnector.on_outage([&context](bool) { context.health.not_ready(kNoDatabase); });
      const std::unique_ptr<pg::Connection> connection = co_await reconnector.connect(context.stop);
      if (connection == nullptr) co_return;
      if (wake.by_notification) require_session(context.options, *connection, "database.wake = notify");
      co_await schema::require_up_to_date(*connection, schema::embedded());
    }
    http::Client client(context.loop, http_client_options(context.options, context.own_address));
    FlowCache flows(pool, kFlowVersions);
    ContentCache contents(pool);
    pg::Pool breaker_connection(context.loop, blocking, database, 1);  // its own: a call must not wait for sql tasks
    Breakers breakers(context.loop, breaker_connection);
    SqlTasks sql_tasks(context.loop, pool);
    co_await sql_tasks.warm_up();
    Process process(context.loop, blocking, database, "worker");
    Runner runner(pool, sql_tasks, flows, contents, client, breakers, context.secrets, process.clock());
    WorkerMetrics metrics(context.metrics);
    DatabaseDenied denied(client.guard());
    const pg::ConnectOptions bell =
        wake.by_notification ? session_of(context.options, database.application_name) : database;
    Doorbell doorbell(context.loop, blocking, bell, "tasks", wake, context.metrics);
    Scout scout(context.loop, blocking, bell, wake, doorbell, metrics);
    const int in_flight = static_cast<int>(context.options.integer("worker.concurrency"));
    const auto on_outage = [&context](bool over) {
      over ? context.health.ready() : context.health.not_ready(kNoDatabase);
    };
    scout.on_outage(on_outage);
    scout.on_connected([&denied](const pg::Connection& connection) { denied.reached(connection); });
    pg::ConnectOptions pumping = database;
    pumping.preparation = sql::query("prepare_worker_connection").text;
    pg::Reconnector reconnector(context.loop, blocking, std::move(pumping), "tasks");
    reconnector.on_outage(on_outage);
    SqlBacklog backlog(context.loop, pool, sql_tasks, metrics);
    Pump pump(context.loop, std::move(reconnector), process, runner, backlog, metrics, denied,
              {.in_flight = in_flight});

    Event over(context.loop);
    TaskScope parts(context.loop);
    const StopToken stop = parts.stop_token();
    parts.spawn(stop_with(parts, context.stop, over));
    StopSource last;  // the heartbeat goes on until everything is handed back
    parts.spawn(process.run(last.token()));
    parts.spawn(pump.listen(scout, stop));
    context.health.ready();
    const Clock::duration grace = context.options.duration("daemon.shutdown_timeout") * 8 / 10;
    co_await pump.run(stop, grace);
    over.set();
    last.request_stop();
    co_await parts.join();
  }
};

}  // namespace

std::unique_ptr<Service> make_worker() {
  return std::make_unique<Worker>();
}

}  // namespace sluice::workers
