// main() of a fuzz target outside fuzzing: runs it over its kept corpus, so that what fuzzing has found stays found.
// The corpus is a file with one input a line, in base64.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "core/base/crypto.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  std::size_t inputs = 0;
  for (int i = 1; i < count; ++i) {
    std::ifstream corpus(arguments[i]);
    if (!corpus) {
      (void)std::fprintf(stderr, "cannot read %s\n", arguments[i]);
      return 1;
    }
    for (std::string line; std::getline(corpus, line); ++inputs) {
      const auto input = sluice::base64_decode(line);
      if (!input) {
        (void)std::fprintf(stderr, "%s:%zu is no base64\n", arguments[i], inputs + 1);
        return 1;
      }
      // A crash names the input by the last line printed.
      std::printf("%s:%zu\n", arguments[i], inputs + 1);
      (void)std::fflush(stdout);
      (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input->data()), input->size());
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
}
