// What a dialog node says and remembers.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/flow/import/watson_language.h"

namespace sluice::flow::importing {

struct WatsonSpeech {
  Json actions = make_array();  // of an action node that runs before anything is said
  Json messages = make_array();
};
[[nodiscard]] WatsonSpeech read_output(const Json& node, WatsonLanguage& language, const std::string& path);

}  // namespace sluice::flow::importing
