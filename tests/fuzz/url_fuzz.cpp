// Any text as a URL: a verdict, and what is allowed has a scheme, a host without userinfo and a port.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/http/judged_url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::http;
  static const AddressGuard kGuard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const JudgedUrl judged(kGuard, text);
  if (!judged.verdict().allowed) return 0;
  if (judged.host().empty() || judged.port() == 0 || judged.handle() == nullptr) std::abort();
  // The guard is the one that judges a literal address, however it was spelt.
  if (judged.literal() && !kGuard.judge_target(*judged.literal(), judged.port()).allowed) std::abort();
  return 0;
}
