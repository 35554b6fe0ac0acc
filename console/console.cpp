#include "console/console.h"

#include <fmt/format.h>

#include <cstdio>

#include "console/access.h"
#include "console/database.h"
#include "console/live.h"
#include "console/series.h"
#include "console/site.h"
#include "core/async/task_scope.h"
#include "core/base/log.h"
#include "core/http/server.h"
#include "core/pg/pg_error.h"
#include "core/service/database.h"
#include "core/service/schema.h"

namespace sluice::console {
namespace {

constexpr int kBlockingThreads = 1;
constexpr std::chrono::seconds kSampling{2};
constexpr http::ServerLimits kLimits{.connections = 64, .connections_an_address = 64, .body_bytes = 16U << 10U};

void print_link(const std::string& link) {
  fmt::print("The console is at {}\n", link);
  (void)std::fflush(stdout);
}

class Console : public Service {
 public:
  explicit Console(Place place) : place_(place) {}
  [[nodiscard]] std::string_view name() const override { return "console"; }

  Task<void> run(ServiceContext& context) override {
    std::string trouble;
    std::string hint;
    try {
      co_await serve(context);
    } catch (const Error& error) {
      if (place_ == Place::kAlone) throw;
      trouble = error.what();
      hint = error.hint();
    }
    if (context.stop.stop_requested()) co_return;
    if (!trouble.empty()) log_warn("the console is not served", {{"reason", trouble}, {"hint", hint}});
    context.health.ready();  // the others go on
    Event never(context.loop);
    (void)co_await never.wait(kNoDeadline, context.stop);
  }

 private:
  Task<void> serve(ServiceContext& context) const {
    const std::string& listen = context.options.text("console.listen");
    if (listen.empty()) {
      if (place_ == Place::kBeside) co_return;
      throw ConfigError("console.listen is empty", "give an address, such as 127.0.0.1:9470");
    }
    const bool actions = context.options.text("console.allow_actions") == "yes";
    BlockingPool blocking(context.loop, kBlockingThreads);
    Database database(context.loop, blocking, database_of(context.options, "sluice console"), actions);
    Series series;
    Live live(context.loop, database);
    std::optional<Site> site;
    const auto answer = [&site](const http::ServerRequest& request) { return site->answer(request); };
    const http::Server server(context.loop, http::listen_on(listen, "console.listen"), answer, kLimits);
    const Access access(server.address(), listen);
    site.emplace(access, database, series, live);
    log_info("serving the console", {{"address", server.address()}, {"actions", actions}});
    print_link(access.link());
    TaskScope parts(context.loop);
    parts.spawn(live.run(context.stop));
    co_await keep_sampling(context, database, series);
    co_await parts.join();
  }

  static Task<void> keep_sampling(ServiceContext& context, Database& database, Series& series) {
    bool checked = false;
    bool warm = false;
    while (!context.stop.stop_requested()) {
      try {
        if (!checked) {
          co_await check_schema(database);
          checked = true;
        }
        if (!warm) {
          co_await database.warm();
          warm = true;
        }
        co_await series.sample(database);
        context.health.ready();
      } catch (const pg::PgError& error) {
        if (error.kind() == pg::ErrorKind::kPermanent && !checked) throw;  // a refused role
        context.health.not_ready(kNoDatabase);
      }
      (void)co_await context.loop.sleep(kSampling, context.stop);
    }
  }

  static Task<void> check_schema(Database& database) {
    const pg::Result result = co_await database.read("console_me");
    const int version = result.one().get<std::int32_t>("schema_version");
    const int wanted = schema::embedded().migrations.back().version;
    if (version < wanted) {
      throw Error(fmt::format("the database's schema is at version {}, the console needs {}", version, wanted),
                  "run: sluice migrate");
    }
  }

  Place place_;
};

}  // namespace

std::unique_ptr<Service> make_console(Place place) {
  return std::make_unique<Console>(place);
}

}  // namespace sluice::console
