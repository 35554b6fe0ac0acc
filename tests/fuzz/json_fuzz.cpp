// Any bytes as JSON: what parses is written and read back unchanged, and its canonical form and hash are those of its
// own text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/canonical_json.h"
#include "core/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text);
  const auto canonical = canonical_json(text);
  if (!value) {
    if (value.error().offset > size || value.error().message.empty()) std::abort();
    return 0;
  }
  const std::string written = to_text(*value);
  const auto again = parse_json(written);
  if (!again || to_text(*again) != written || !equal(*again, *value)) std::abort();
  // Canonical text is its own canonical form.
  if (canonical && canonical_json(*canonical) != *canonical) std::abort();
  const std::string stored = canonical_json_stored(*value);
  if (canonical_json(stored) != stored || state_hash_stored(*value) != canonical_hash(stored)) std::abort();
  Json merged = clone(*value);
  deep_merge(merged, *value);
  if (!equal(merged, *value)) std::abort();
  return 0;
}
