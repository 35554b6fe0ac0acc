// Any text as a configuration file: it is read, or refused with its file and line.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/errors.h"
#include "core/service/option_sources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A file in memory: the reader wants a path.
  static const int kFile = memfd_create("toml_fuzz", 0);
  static const std::string kPath = "/proc/self/fd/" + std::to_string(kFile);
  if (kFile < 0 || ftruncate(kFile, 0) != 0) return 0;
  if (pwrite(kFile, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  sluice::Options options;
  try {
    sluice::read_toml_file(kPath, options);
    (void)options.dump();
  } catch (const sluice::ConfigError& error) {
    if (!std::string_view(error.what()).starts_with(kPath + ":")) std::abort();
  }
  return 0;
}
