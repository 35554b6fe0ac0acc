// Any JSON as a document of any format: importing never crashes, what comes out is stable, and validating and drawing
// it end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/errors.h"
#include "core/flow/graph.h"
#include "core/flow/import/import.h"
#include "core/flow/model.h"
#include "core/flow/validate/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  if (size < 2) return 0;
  const auto format = static_cast<flow::Format>(data[0] % 5);
  const auto document = parse_json({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!document) return 0;
  const flow::Imported imported = flow::import_flow(*document, format);
  const flow::Imported again = flow::import_flow(imported.flow, flow::Format::kSluice);
  if (to_text(flow::import_flow(again.flow, flow::Format::kSluice).flow) != to_text(again.flow)) std::abort();
  (void)flow::validate(imported.flow);
  (void)flow::to_svg(imported.flow);
  (void)flow::to_dot(imported.flow);
  try {
    (void)flow::Flow::from_json(imported.flow);
  } catch (const Error&) {
    return 0;  // a flow that cannot run is an answer too
  }
  return 0;
}
