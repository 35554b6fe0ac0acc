// Pictures of a flow (`sluice flow graph`): DOT text for other tools, and an SVG that needs none. Pure; any thread.
#pragma once

#include <string>

#include "core/base/json.h"

namespace sluice::flow {

// A digraph of the canonical document: a node each, edges with their labels, inline composites as clusters.
[[nodiscard]] std::string to_dot(const Json& flow);

// A drawing in layers from the entry down, for light and dark screens. A way back to a node that many lead to is a tag
// with its name instead of a line. Deterministic, so that pictures can be compared.
[[nodiscard]] std::string to_svg(const Json& flow);

}  // namespace sluice::flow
