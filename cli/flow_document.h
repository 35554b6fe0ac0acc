// Flows as commands are given them: a file, standard input, or a stored flow.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/database.h"
#include "core/flow/import/import.h"
#include "core/flow/report.h"

namespace sluice::cli {

// The file's text; "-" is standard input. Throws Error naming the file.
[[nodiscard]] std::string read_text(const std::string& file);

// The JSON document in a file. Throws Error with FILE:LINE:COLUMN.
[[nodiscard]] Json read_document(const std::string& file);

[[nodiscard]] bool is_file(const std::string& name);  // also "-"

// The draft of a stored flow, by name or id, in format sluice. PgError SL001 when there is none.
[[nodiscard]] Json stored_flow(Database& database, const std::string& flow);

// --format, or sluice. UsageError for what is none.
[[nodiscard]] flow::Format format_of(const Invocation& invocation);

// A flow in canonical form and all that is to be said about it: the importer's notes, the validator's findings, and
// what the engine would refuse.
struct CheckedFlow {
  Json flow;
  std::vector<flow::Finding> report;
  bool lossy = false;   // the importer could not carry everything over
  bool broken = false;  // the flow that came out has errors
};

// `name` replaces the document's name unless it is empty. With `flows`, composites may call only those and the flow
// itself.
[[nodiscard]] CheckedFlow check_flow(const Json& document, flow::Format format, std::string_view name = {},
                                     const std::vector<std::string>* flows = nullptr);

// Names and ids of all flows that are stored.
[[nodiscard]] std::vector<std::string> flow_names(Database& database);

}  // namespace sluice::cli
