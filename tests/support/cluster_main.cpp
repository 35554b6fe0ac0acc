// What ctest's fixture runs: test_cluster start | stop.
#include <cstdio>
#include <exception>
#include <string_view>

#include "core/base/errors.h"
#include "tests/support/test_cluster.h"

int main(int argc, char** argv) {
  const std::string_view verb = argc == 2 ? argv[1] : "";
  try {
    if (verb == "start") {
      const auto cluster = sluice::test::TestCluster::start();
      std::puts(cluster.dsn("postgres").c_str());
    } else if (verb == "stop") {
      sluice::test::TestCluster::stop();
    } else {
      std::fputs("usage: test_cluster start | stop\n", stderr);
      return static_cast<int>(sluice::ExitCode::kUsage);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "test_cluster: %s\n", error.what());
    return static_cast<int>(sluice::ExitCode::kFailed);
  }
  return 0;
}
