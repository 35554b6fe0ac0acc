#include "tests/support/test_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/pg/connection.h"
#include "core/service/schema.h"
#include "tests/support/command.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServerUser = "postgres";

fs::path state_file() {
  return fs::path(SLUICE_BINARY_DIR) / "tests" / "cluster.state";
}

std::string binary_directory() {
  glob_t found{};
  std::string last;
  if (glob("/usr/lib/postgresql/*/bin/initdb", 0, nullptr, &found) == 0) last = found.gl_pathv[found.gl_pathc - 1];
  globfree(&found);
  return last.empty() ? "" : fs::path(last).parent_path().string() + "/";
}

// Runs as the server's user a line of sh; its output goes to `log`, since the server it may start keeps it open.
int run_as_server(const std::string& line, const fs::path& log) {
  std::vector<std::string> arguments{"sh", "-c", "cd / && " + line};
  if (geteuid() == 0) arguments.insert(arguments.begin(), {"runuser", "-u", kServerUser, "--"});
  return run_command(arguments, log.string()).exit_code;
}

std::string text_of_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(listener);
  if (!bound) throw std::runtime_error("no port is free on 127.0.0.1");
  return ntohs(address.sin_port);
}

// A folder that the server's user owns and reaches: below the build folder, or where temporary files go if that is
// closed to it. Its path is kept short, for the socket in it.
fs::path make_root() {
  constexpr std::size_t kLongestRoot = 80;
  const fs::path beside = state_file().parent_path();
  fs::create_directories(beside);
  const bool reachable = run_as_server("test -x '" + beside.string() + "'", "/dev/null") == 0;
  const bool is_short = beside.string().size() < kLongestRoot;
  std::string name = ((reachable && is_short ? beside : fs::temp_directory_path()) / "cluster-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make the folder " + name);
  if (geteuid() == 0) {
    const passwd* user = getpwnam(kServerUser);
    if (user == nullptr || chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error("cannot give " + name + " to the user postgres");
    }
  }
  return name;
}

void make_template(const TestCluster& cluster) {
  Loop loop;
  BlockingPool pool(loop, 1);
  auto body = [&]() -> Task<void> {
    const std::unique_ptr<pg::Connection> admin =
        co_await pg::Connection::connect(loop, pool, {cluster.dsn("postgres")});
    (void)co_await admin->query(fmt::format("create database {} template template0", kTemplateDatabase));
    {
      const std::unique_ptr<pg::Connection> connection =
          co_await pg::Connection::connect(loop, pool, {cluster.dsn(kTemplateDatabase)});
      (void)co_await schema::migrate(*connection, schema::embedded());
    }
    co_await admin->execute_script(
        fmt::format("alter database {} with allow_connections false is_template true", kTemplateDatabase));
  };
  loop.run(body());
}

}  // namespace

TestCluster TestCluster::start() {
  stop();
  TestCluster cluster;
  cluster.root_ = make_root().string();
  cluster.data_ = cluster.root_ + "/data";
  cluster.port_ = free_port();
  // Written first, so that a run that dies half-way is cleaned up by the next.
  std::ofstream(state_file()) << cluster.root_ << '\n' << cluster.port_ << '\n';
  const fs::path log = fs::path(cluster.root_) / "tools.log";
  const std::string initdb = fmt::format("{}initdb -D '{}' -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync",
                                         binary_directory(), cluster.data_);
  if (run_as_server(initdb, log) != 0) throw std::runtime_error("initdb failed:\n" + text_of_file(log));
  cluster.resume();
  make_template(cluster);
  return cluster;
}

void TestCluster::stop() {
  std::ifstream state(state_file());
  TestCluster cluster;
  if (!(state >> cluster.root_ >> cluster.port_)) return;
  cluster.data_ = cluster.root_ + "/data";
  if (cluster.alive()) cluster.halt();
  std::error_code ignored;  // a folder that is gone is as good
  fs::remove_all(cluster.root_, ignored);
  fs::remove(state_file(), ignored);
}

const TestCluster& TestCluster::instance() {
  static const TestCluster cluster = [] {
    TestCluster found;
    std::ifstream state(state_file());
    if (state >> found.root_ >> found.port_) {
      found.data_ = found.root_ + "/data";
      if (found.alive()) return found;
    }
    found = start();
    if (std::atexit([] { stop(); }) != 0) throw std::runtime_error("nothing would stop the cluster at the end");
    return found;
  }();
  return cluster;
}

std::string TestCluster::dsn(std::string_view database) const {
  return dsn_as("postgres", database);
}

std::string TestCluster::dsn_as(std::string_view role, std::string_view database, int port) const {
  return fmt::format("postgresql://{}@127.0.0.1:{}/{}", role, port != 0 ? port : port_, database);
}

std::string TestCluster::socket_dsn(std::string_view database) const {
  return fmt::format("host={} port={} user=postgres dbname={}", root_, port_, database);
}

void TestCluster::restart(std::string_view mode) const {
  halt(mode);
  resume();
}

void TestCluster::halt(std::string_view mode) const {
  run_server_tool(fmt::format("stop -w -m {}", mode));
}

void TestCluster::resume() const {
  run_server_tool(fmt::format(
      "start -w -l '{}/server.log' -o '-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off"
      " -c synchronous_commit=off -c max_connections=200 -c max_prepared_transactions=10"
      " -c shared_buffers=64MB -c log_min_messages=warning'",
      root_, port_, root_));
}

bool TestCluster::alive() const {
  return run_as_server(fmt::format("{}pg_ctl -D '{}' status", binary_directory(), data_), "/dev/null") == 0;
}

void TestCluster::run_server_tool(std::string_view arguments) const {
  const fs::path log = fs::path(root_) / "tools.log";
  if (run_as_server(fmt::format("{}pg_ctl -D '{}' {}", binary_directory(), data_, arguments), log) != 0) {
    throw std::runtime_error(fmt::format("pg_ctl {} failed:\n{}{}", arguments, text_of_file(log),
                                         text_of_file(fs::path(root_) / "server.log")));
  }
}

}  // namespace sluice::test
