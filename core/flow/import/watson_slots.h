// The slots of a frame as questions.
#pragma once

#include "core/flow/import/watson_chain.h"
#include "core/flow/import/watson_language.h"
#include "core/flow/import/watson_tree.h"

namespace sluice::flow::importing {

// A question for each slot that prompts, in order, each skipped when its variable is set already.
void emit_slots(const WatsonTree& tree, const WatsonNode& frame, WatsonLanguage& language, WatsonChain& chain);

}  // namespace sluice::flow::importing
