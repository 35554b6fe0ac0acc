// One function a format, each in a file of its own name; import_flow chooses.
#pragma once

#include "core/flow/import/import.h"

namespace sluice::flow::importing {

[[nodiscard]] Imported import_sluice(const Json& document);
[[nodiscard]] Imported import_typebot(const Json& document);
[[nodiscard]] Imported import_watson(const Json& document);
[[nodiscard]] Imported import_landbot(const Json& document);
[[nodiscard]] Imported import_rapidpro(const Json& document);

}  // namespace sluice::flow::importing
