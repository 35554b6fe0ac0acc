#pragma once

namespace sluice::test {

// Whether this program, and the sluice that it starts, watch themselves: then memory is another's measure, and
// libraries that are loaded before all others do not get along with them.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace sluice::test
