// The canonical text of JSON values and the hash of a session's state (FLOW 2).
//
// Canonical text: no white space; object keys sorted by code point, the last of equal keys kept; strings in ASCII, with
// \" \\ \b \f \n
// \r \t in short form and every other character outside ' '..'~' as \uXXXX (lower case, surrogate pairs); an integer as
// its digits; a float in the shortest form that reads back as the same double, as Python's repr writes it: always with
// a '.' or an exponent, the latter when the decimal exponent is below -4 or above 15, with a sign and two digits at
// least (1e-07, 1e+16).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace sluice {

// The canonical form of a JSON text. A number is a float if it has a '.' or an exponent, else an integer of any length
// ("-0" is 0). A float beyond the range of a double is refused.
[[nodiscard]] std::expected<std::string, JsonError> canonical_json(std::string_view text, JsonLimits limits = {});

// The canonical form of `value` after it was stored as jsonb, that is, of what to_text(value)::jsonb::text reads. jsonb
// holds a number as `numeric`: no exponent, no negative zero, and as many decimal places as the literal says (its
// digits behind the point less its exponent, at least none). Of that text, a number with a '.' is a float and any other
// is an integer:
//   1.0 → 1.0   1.5 → 1.5   -0.0 → 0.0   1e16 → 10000000000000000   1e-7 → 0.0000001 → 1e-07   1e21 →
//   1000000000000000000000
[[nodiscard]] std::string canonical_json_stored(const Json& value);

// base64(sha256(canonical)), 44 characters.
[[nodiscard]] std::string canonical_hash(std::string_view canonical);

// The state_hash of a state that will be stored as to_text(state): equals SQL's
// sluice.state_hash(to_text(state)::jsonb).
[[nodiscard]] std::string state_hash_stored(const Json& state);

}  // namespace sluice
