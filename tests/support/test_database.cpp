#include "tests/support/test_database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "core/pg/connection.h"

namespace sluice::test {
namespace {

void run_as_admin(const std::string& sql) {
  Loop loop;
  BlockingPool pool(loop, 1);
  auto body = [&]() -> Task<void> {
    const std::unique_ptr<pg::Connection> admin =
        co_await pg::Connection::connect(loop, pool, {TestCluster::instance().dsn("postgres")});
    (void)co_await admin->query(sql);
  };
  loop.run(body());
}

}  // namespace

TestDatabase::TestDatabase(From from) {
  static std::atomic<int> count = 0;
  name_ = fmt::format("test_{}_{}", getpid(), ++count);
  run_as_admin(
      fmt::format("create database {} template {}", name_, from == From::kTemplate ? kTemplateDatabase : "template0"));
}

TestDatabase::~TestDatabase() {
  try {
    run_as_admin(fmt::format("drop database if exists {} with (force)", name_));
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "cannot drop %s: %s\n", name_.c_str(), error.what());
  }
}

}  // namespace sluice::test
