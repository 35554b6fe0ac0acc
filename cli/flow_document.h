// Flows as commands are given them: a file, standard input, or a stored flow.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/database.h"
#include "core/flow/import/import.h"
#include "core/flow/report.h"
#include "core/flow/validate/validate.h"

namespace sluice::cli {

// The file's text; "-" is standard input. Throws Error naming the file.
[[nodiscard]] std::string read_text(const std::string& file);

// The JSON document in a file. Throws Error with FILE:LINE:COLUMN.
[[nodiscard]] Json read_document(const std::string& file);

[[nodiscard]] bool is_file(const std::string& name);  // also "-"

// The id of a stored flow by its name or id. PgError SL001 when there is none.
[[nodiscard]] std::string stored_flow_id(Database& database, const std::string& flow);

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

// `name` replaces the document's name unless it is empty. Composites may call the flow itself beside options.flows.
[[nodiscard]] CheckedFlow check_flow(const Json& document, flow::Format format, std::string_view name = {},
                                     flow::ValidateOptions options = {});

// The operators' rules: those of the file that --rules names, if it is given, and those of the database.
void add_rules_of(const Invocation& invocation, flow::ValidateOptions& options);
void add_rules_of(Database& database, flow::ValidateOptions& options);

// Names and ids of all flows that can be called.
[[nodiscard]] std::vector<std::string> flow_names(Database& database);

// Judges a stored flow's draft by the rules and flows of the database, and leaves the report there for
// sluice.validate_flow and sluice.publish_flow. Rules that come from elsewhere are added to it, and nothing is stored
// then.
[[nodiscard]] CheckedFlow check_stored(Database& database, const std::string& flow_id,
                                       flow::ValidateOptions options = {});

}  // namespace sluice::cli
