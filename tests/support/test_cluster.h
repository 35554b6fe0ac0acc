// The private PostgreSQL cluster of a test run: one for all tests, with a migrated template database.
#pragma once

#include <string>
#include <string_view>

namespace sluice::test {

inline constexpr std::string_view kTemplateDatabase = "sluice_template";

class TestCluster {
 public:
  // Removes what a run before has left behind, creates the cluster on a free port and migrates the template. As root,
  // the server runs as the user postgres. Throws std::runtime_error with the server's words.
  static TestCluster start();

  // Stops the running cluster, at once, and removes its files; does nothing when there is none.
  static void stop();

  // The cluster that ctest's fixture has started; without one (a test executable run by hand) one of this process
  // alone, which is stopped when it exits.
  static const TestCluster& instance();

  // URI with 127.0.0.1 and the superuser postgres, who needs no password.
  [[nodiscard]] std::string dsn(std::string_view database) const;
  [[nodiscard]] std::string dsn_as(std::string_view role, std::string_view database, int port = 0) const;
  // The same through the unix socket.
  [[nodiscard]] std::string socket_dsn(std::string_view database) const;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const std::string& data_directory() const { return data_; }

  // pg_ctl restart or stop with -m immediate, as a crash; and start again on the same port.
  void restart(std::string_view mode = "immediate") const;
  void halt(std::string_view mode = "immediate") const;
  void resume() const;

 private:
  [[nodiscard]] bool alive() const;
  void run_server_tool(std::string_view arguments) const;

  std::string root_;  // owned by the server's user; holds data/, the socket and the log
  std::string data_;
  int port_ = 0;
};

}  // namespace sluice::test
