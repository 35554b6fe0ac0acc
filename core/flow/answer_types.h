// The typed answers: number, email, phone, url, date, file (FLOW 6).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace sluice::flow {

// The value that an answer of this type stores, or the default message of what is wrong. Types that are plain text pass
// as they are.
[[nodiscard]] std::expected<Json, std::string> typed_answer(std::string_view type, const Json& value);

}  // namespace sluice::flow
