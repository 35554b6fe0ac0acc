#include "listener/listener.h"

#include "core/pg/pool.h"
#include "core/service/database.h"
#include "core/service/process.h"
#include "core/service/schema.h"
#include "listener/event_stream.h"
#include "listener/housekeeping.h"

namespace sluice::listener {
namespace {

constexpr std::size_t kConnections = 4;  // that consumers take turns on
constexpr int kBlockingThreads = 2;

class Listener : public Service {
 public:
  [[nodiscard]] std::string_view name() const override { return "listener"; }

  Task<void> run(ServiceContext& context) override {
    const pg::ConnectOptions database = session_of(context.options, "sluice listener");
    BlockingPool blocking(context.loop, kBlockingThreads);
    {
      pg::Reconnector reconnector(context.loop, blocking, database, "listener");
      reconnector.on_outage([&context](bool) { context.health.not_ready(kNoDatabase); });
      const std::unique_ptr<pg::Connection> connection = co_await reconnector.connect(context.stop);
      if (connection == nullptr) co_return;
      require_session(context.options, *connection, "the listener");
      co_await schema::require_up_to_date(*connection, schema::embedded());
    }
    pg::Pool pool(context.loop, blocking, database, kConnections);
    ListenerMetrics metrics(context.metrics);
    Doorbell doorbell(context.loop, blocking, database, "events", Wake::from(context.options), context.metrics);
    const auto on_outage = [&context](bool over) {
      over ? context.health.ready() : context.health.not_ready(kNoDatabase);
    };
    doorbell.on_outage(on_outage);
    pg::Reconnector reconnector(context.loop, blocking, database, "events");
    reconnector.on_outage(on_outage);
    EventStream stream(context.loop, std::move(reconnector), pool, {{"log", &write_lines}},
                       static_cast<int>(context.options.integer("listener.batch_size")), metrics);
    Process process(context.loop, blocking, database, "listener");
    Event over(context.loop);
    TaskScope parts(context.loop);
    const StopToken stop = parts.stop_token();
    parts.spawn(stop_with(parts, context.stop, over));
    parts.spawn(process.run(stop));  // for sluice status; what it runs it holds by advisory locks
    parts.spawn(keep_house(context.loop, pool, metrics, stop));
    co_await stream.run(doorbell, stop, [&context] { context.health.ready(); });
    over.set();
    co_await parts.join();
  }
};

}  // namespace

std::unique_ptr<Service> make_listener() {
  return std::make_unique<Listener>();
}

}  // namespace sluice::listener
