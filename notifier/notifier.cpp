#include "notifier/notifier.h"

#include "core/service/database.h"
#include "core/service/database_denied.h"
#include "core/service/http_options.h"
#include "core/service/schema.h"
#include "notifier/pump.h"

namespace sluice::notifier {
namespace {

constexpr int kBlockingThreads = 2;

class Notifier : public Service {
 public:
  [[nodiscard]] std::string_view name() const override { return "notifier"; }

  Task<void> run(ServiceContext& context) override {
    const pg::ConnectOptions database = database_of(context.options, "sluice notifier");
    const Wake wake = Wake::from(context.options);
    BlockingPool blocking(context.loop, kBlockingThreads);
    {
      pg::Reconnector reconnector(context.loop, blocking, database, "notifier");
      reconnector.on_outage([&context](bool) { context.health.not_ready(kNoDatabase); });
      const std::unique_ptr<pg::Connection> connection = co_await reconnector.connect(context.stop);
      if (connection == nullptr) co_return;
      if (wake.by_notification) require_session(context.options, *connection, "database.wake = notify");
      co_await schema::require_up_to_date(*connection, schema::embedded());
    }
    http::Client client(context.loop, http_client_options(context.options, context.own_address));
    DatabaseDenied denied(client.guard());
    Sender sender(client, context.secrets);
    const WebhookKeys keys(context.secrets);
    NotifierMetrics metrics(context.metrics);
    Process process(context.loop, blocking, database, "notifier");
    // While the pump waits to be enrolled it does not look at its own connection.
    process.on_outage([&context](bool over) { over ? context.health.ready() : context.health.not_ready(kNoDatabase); });
    Doorbell doorbell(context.loop, blocking,
                      wake.by_notification ? session_of(context.options, database.application_name) : database,
                      "deliveries", wake, context.metrics);
    doorbell.on_connected([&denied](const pg::Connection& connection) { denied.reached(connection); });
    Pump pump(context.loop, pg::Reconnector(context.loop, blocking, database, "deliveries"), process, sender, keys,
              metrics, {.in_flight = static_cast<int>(context.options.integer("notifier.concurrency"))},
              {.connected =
                   [&denied, &context](const pg::Connection& connection, const pg::Result& server) {
                     denied.connected(connection, server.one());
                     context.health.ready();
                   },
               .disconnected = [&context] { context.health.not_ready(kNoDatabase); }});

    Event over(context.loop);
    TaskScope parts(context.loop);
    const StopToken stop = parts.stop_token();
    parts.spawn(stop_with(parts, context.stop, over));
    StopSource last;  // the heartbeat goes on until everything is given back
    parts.spawn(process.run(last.token()));
    parts.spawn(pump.listen(doorbell, stop));
    const Clock::duration grace = context.options.duration("daemon.shutdown_timeout") * 8 / 10;
    co_await pump.run(stop, grace);
    over.set();
    last.request_stop();
    co_await parts.join();
  }
};

}  // namespace

std::unique_ptr<Service> make_notifier() {
  return std::make_unique<Notifier>();
}

}  // namespace sluice::notifier
