// A notifier and nothing else, for tests to start and kill. Takes the options of every daemon as flags.
#include <cstdio>

#include "core/base/errors.h"
#include "notifier/notifier.h"

int main(int argc, char** argv) {
  try {
    sluice::CommandLine line = sluice::read_command_line({argv + 1, argv + argc}, {}, sluice::process_environment());
    std::vector<std::unique_ptr<sluice::Service>> services;
    services.push_back(sluice::notifier::make_notifier());
    return sluice::run_daemon("notifier", std::move(line), std::move(services));
  } catch (const sluice::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
