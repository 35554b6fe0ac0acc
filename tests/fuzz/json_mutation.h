// Mutations of JSON documents that leave them JSON: members and items are dropped, doubled, swapped for others of the
// same document, renamed, or become values that importers do not expect.
#pragma once

#include <cstdint>
#include <random>

#include "core/base/json.h"

namespace sluice::fuzz {

using Dice = std::minstd_rand;

// Changes one to four places of the document.
void mutate(Json& document, Dice& dice);

}  // namespace sluice::fuzz
