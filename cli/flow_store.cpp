// sluice flow import, list, export: flows into the database and out of it.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/flow_document.h"
#include "cli/report.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

struct Stored {
  std::string flow_id;
  std::string version;  // empty: not published
};

Stored store(Database& database, const Json& flow, bool publish) {
  Stored stored;
  database.in_transaction([&] {
    const pg::Result imported = database.query("SELECT sluice.import_flow($1)", pg::Params().jsonb(flow));
    stored.flow_id = imported.one().get<std::string>(0);
    (void)check_stored(database, stored.flow_id);
    if (!publish) return;
    const pg::Result published =
        database.query("SELECT sluice.publish_flow($1::text::uuid)", pg::Params().text(stored.flow_id));
    stored.version = published.one().get<std::string>(0);
  });
  return stored;
}

void print_stored(const Invocation& invocation, const Stored& stored, const CheckedFlow& checked) {
  const std::string_view name = string_member(checked.flow, "name");
  if (!invocation.json()) {
    fmt::print("imported {} as {}{}\n", printable(name), stored.flow_id, checked.broken ? ", a draft with errors" : "");
    if (!stored.version.empty()) fmt::print("published version {}\n", printable(stored.version));
    return;
  }
  Json document = make_object();
  set(document, "flow_id", stored.flow_id.empty() ? Json() : make_string(stored.flow_id));
  set(document, "name", name);
  set(document, "version", stored.version.empty() ? Json() : make_string(stored.version));
  set(document, "report", to_json(checked.report));
  print_json(document);
}

// Whether nothing was translated: what importers make of a document of another kind is at most a node that listens and
// one that finds nothing.
bool is_empty(const CheckedFlow& checked) {
  constexpr unsigned kFrame = 2;
  const Json* nodes = find(checked.flow, "nodes");
  return nodes == nullptr || !nodes->IsArray() || nodes->Empty() || (checked.lossy && nodes->Size() <= kFrame);
}

// To be published, a flow must be whole and right. A draft of our own format must be right too; one that was translated
// is stored for its author to complete, unless nothing came over: then it was no such document.
void refuse_unfit(const Invocation& invocation, const CheckedFlow& checked, flow::Format format) {
  const bool publish = invocation.has("publish");
  const bool translated = format != flow::Format::kSluice;
  const bool unfit = publish ? checked.broken || checked.lossy : checked.broken && !translated;
  if (!unfit && !is_empty(checked)) return;
  if (invocation.json()) print_stored(invocation, {}, checked);
  throw Error(
      fmt::format("flow '{}' is not imported: {}", string_member(checked.flow, "name"), in_numbers(checked.report)),
      publish && translated ? "nothing was stored; without --publish it is stored as a draft, to be completed"
                            : "mend what is reported as ERROR; nothing was stored");
}

ExitCode run_import(Invocation& invocation) {
  const flow::Format format = format_of(invocation);
  const Json document = read_document(invocation.argument(0));
  Database database(invocation);
  flow::ValidateOptions options;
  add_rules_of(database, options);
  // The flows that a draft calls may come later.
  if (invocation.has("publish")) {
    const std::vector<std::string> flows = flow_names(database);
    options.flows.emplace(flows.begin(), flows.end());
  }
  const CheckedFlow checked = check_flow(document, format, invocation.flag("name"), std::move(options));
  if (!invocation.json()) print_report(stderr, checked.report);
  refuse_unfit(invocation, checked, format);
  print_stored(invocation, store(database, checked.flow, invocation.has("publish")), checked);
  return ExitCode::kGood;
}

ExitCode run_list(Invocation& invocation) {
  Database database(invocation);
  const auto flows = database.records(
      "SELECT f.name, f.id AS flow_id, CASE WHEN f.is_published THEN f.version END AS version, f.is_published, "
      "f.is_active,"
      " (SELECT count(*) FROM sluice.flow_nodes n WHERE n.flow_id = f.id) AS nodes, f.updated_at, f.published_at"
      " FROM sluice.flow_definitions f ORDER BY f.name");
  print_list(invocation, flows,
             {{"NAME", "name"},
              {"ID", "flow_id"},
              {"VERSION", "version"},
              {"ACTIVE", "is_active"},
              {"NODES", "nodes", Column::Kind::kNumber},
              {"PUBLISHED", "published_at", Column::Kind::kTime}},
             "no flows; sluice flow import FILE --publish stores one");
  return ExitCode::kGood;
}

ExitCode run_export(Invocation& invocation) {
  Database database(invocation);
  fmt::print("{}\n", pretty(stored_flow(database, invocation.argument(0))));
  return ExitCode::kGood;
}

constexpr Flag kImportFlags[] = {
    {"format", "FORMAT", "sluice (default), typebot, watson, landbot or rapidpro"},
    {"publish", "", "also freeze the draft as a version that new sessions get"},
    {"name", "NAME", "store it under this name instead of the document's"},
    kJsonFlag,
};

constexpr Flag kListFlags[] = {kJsonFlag};

constexpr Command kCommands[] = {
    {"flow import", "FILE", "store a flow, of ours or another system's, as a draft",
     "FILE is a JSON document, - standard input. What was rewritten and what the validator found is told on standard "
     "error. A\n"
     "flow with errors is refused with exit code 1 and nothing is stored; only a translated one is kept as a draft, "
     "unless it is to\n"
     "be published. Sessions go on with their version. Examples:\n\n"
     "  sluice flow import examples/bookbot.json --publish\n"
     "  sluice flow import export.json --format typebot --name 'Lead scoring' --publish\n",
     kImportFlags, run_import},
    {"flow list", "", "the flows that are stored", "", kListFlags, run_list},
    {"flow export",
     "FLOW",
     "a stored flow's draft as a JSON document",
     "FLOW is a name or id. What flow import takes again gives the same flow. Example:\n\n"
     "  sluice flow export bookbot > bookbot.json\n",
     {},
     run_export},
};

}  // namespace

std::span<const Command> flow_store_commands() {
  return kCommands;
}

}  // namespace sluice::cli
