// libFuzzer's mutator for targets whose input is a JSON document, behind a byte that chooses the format in import_fuzz:
// three times of four the document is changed as JSON, else its bytes are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/json_mutation.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

#ifdef SLUICE_FUZZ_FORMAT_BYTE
constexpr std::size_t kBefore = 1;
#else
constexpr std::size_t kBefore = 0;
#endif

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  using namespace sluice;
  fuzz::Dice dice(seed);
  if (size <= kBefore || dice() % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  auto document = parse_json({reinterpret_cast<const char*>(data) + kBefore, size - kBefore});
  if (!document) return LLVMFuzzerMutate(data, size, max_size);
  fuzz::mutate(*document, dice);
  const std::string text = to_text(*document);
  if (text.size() + kBefore > max_size) return size;
  if (kBefore > 0 && dice() % 32 == 0) data[0] = static_cast<std::uint8_t>(dice() % 5);
  std::ranges::copy(text, data + kBefore);
  return text.size() + kBefore;
}
