// Any JSON as a condition, as a response mapping and as a flow: false, an error or a value, never a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/errors.h"
#include "core/flow/condition.h"
#include "core/flow/conversation.h"
#include "core/flow/mapping.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const auto value = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!value) return 0;
  const auto condition = flow::Condition::compile(*value);
  (void)condition.holds(*value);
  (void)condition.problems();
  (void)flow::mapped_object(*value, *value, flow::MappingKind::kWebhook);
  (void)flow::mapped_object(*value, *value, flow::MappingKind::kApiCall);
  try {
    const flow::FlowSet flows{.main = flow::Flow::from_json(*value), .subflows = {}, .pins = {}};
    flow::Conversation talk(flows, clone(*value), flow::Time(),
                            [](const auto&, const auto&) { return flow::HttpOutcome(); });
    (void)talk.start();
    for (int turn = 0; turn < 4 && talk.waits_for_input(); ++turn) (void)talk.input(*value);
  } catch (const Error&) {
    return 0;  // a flow that cannot run is an answer too
  }
  return 0;
}
