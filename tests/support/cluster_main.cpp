// What ctest's fixture runs: test_cluster start | stop; and test_cluster run COMMAND… for tests that are scripts:
// libpq's variables then name the cluster and its superuser.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "core/base/errors.h"
#include "tests/support/test_cluster.h"

int main(int argc, char** argv) {
  const std::string_view verb = argc >= 2 ? argv[1] : "";
  try {
    if (verb == "start") {
      const auto cluster = sluice::test::TestCluster::start();
      std::puts(cluster.dsn("postgres").c_str());
    } else if (verb == "stop") {
      sluice::test::TestCluster::stop();
    } else if (verb == "run" && argc > 2) {
      setenv("PGHOST", "127.0.0.1", 1);
      setenv("PGPORT", std::to_string(sluice::test::TestCluster::instance().port()).c_str(), 1);
      setenv("PGUSER", "postgres", 1);
      execvp(argv[2], argv + 2);
      std::perror(argv[2]);
      return static_cast<int>(sluice::ExitCode::kFailed);
    } else {
      (void)std::fputs("usage: test_cluster start | stop | run COMMAND...\n", stderr);
      return static_cast<int>(sluice::ExitCode::kUsage);
    }
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "test_cluster: %s\n", error.what());
    return static_cast<int>(sluice::ExitCode::kFailed);
  }
  return 0;
}
