#include "cli/flow_document.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "cli/report.h"
#include "core/flow/model.h"
#include "core/flow/validate/rule_list.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxFile = 64U << 20U;

std::string shown(const std::string& file) {
  return file == "-" ? "standard input" : file;
}

[[noreturn]] void fail_reading(const std::string& file) {
  throw Error(fmt::format("{} cannot be read: {}", shown(file), std::generic_category().message(errno)),
              "give a file, or - for standard input");
}

std::string place(const std::string& file, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto start = before.rfind('\n');
  return fmt::format("{}:{}:{}", shown(file), line,
                     before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1);
}

// Readers may look at flows, but not ask for what is judged or store a report.
bool may_judge(Database& database) {
  return database.query("SELECT has_function_privilege('sluice.validation_subject(uuid)', 'execute')")
      .one()
      .get<bool>(0);
}

}  // namespace

bool is_file(const std::string& name) {
  struct stat status{};
  return name == "-" || stat(name.c_str(), &status) == 0;
}

std::string read_text(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(
      file == "-" ? nullptr : std::fopen(file.c_str(), "re"),
      [](std::FILE* stream) { return stream == nullptr ? 0 : std::fclose(stream); });
  std::FILE* stream = file == "-" ? stdin : opened.get();
  if (stream == nullptr) fail_reading(file);
  std::string text;
  char buffer[65536];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, stream)) > 0;) {
    text.append(buffer, got);
    if (text.size() > kMaxFile) throw Error(fmt::format("{} has more than {} MiB", shown(file), kMaxFile >> 20U));
  }
  if (std::ferror(stream) != 0) fail_reading(file);
  return text;
}

Json read_document(const std::string& file) {
  const std::string text = read_text(file);
  auto document = parse_json(text, {.max_bytes = kMaxFile});
  if (!document)
    throw Error(fmt::format("{}: {}", place(file, text, document.error().offset), document.error().message),
                "a flow is one JSON object");
  return std::move(*document);
}

std::string stored_flow_id(Database& database, const std::string& flow) {
  const pg::Result found = database.query(
      "SELECT id FROM sluice.flow_definitions WHERE name = $1 OR id::text = $1 ORDER BY name = $1 DESC LIMIT 1",
      pg::Params().text(flow));
  if (!found.empty()) return found.one().get<std::string>(0);
  pg::PgError::Fields fields;
  fields.sqlstate = "SL001";
  fields.message = fmt::format("flow '{}' is unknown", flow);
  fields.hint = "sluice flow list shows the flows; a file of that name is not there either";
  throw pg::PgError(std::move(fields));
}

// The draft as it is in the canonical tables, for those who may call what reads it; else as it was at the last import.
Json stored_flow(Database& database, const std::string& flow) {
  const std::string id = stored_flow_id(database, flow);
  const char* source = may_judge(database)
                           ? "SELECT document::text FROM sluice.validation_subject($1::text::uuid)"
                           : "SELECT flow_data::text FROM sluice.flow_definitions WHERE id = $1::text::uuid";
  return database.query(source, pg::Params().text(id)).one().get<Json>(0);
}

flow::Format format_of(const Invocation& invocation) {
  const std::string name = invocation.flag("format", "sluice");
  const auto format = flow::format_from(name);
  if (!format)
    throw UsageError(fmt::format("unknown format '{}'", name),
                     "formats are sluice, typebot, watson, landbot and rapidpro");
  return *format;
}

CheckedFlow check_flow(const Json& document, flow::Format format, std::string_view name,
                       flow::ValidateOptions options) {
  flow::Imported imported = flow::import_flow(document, format);
  CheckedFlow checked;
  checked.flow = std::move(imported.flow);
  if (!name.empty()) set(checked.flow, "name", name);
  for (const flow::Note& note : imported.report) checked.report.push_back(finding_of(note));

  if (options.flows) options.flows->emplace(string_member(checked.flow, "name"));
  const std::vector<flow::Finding> findings = flow::validate(checked.flow, options);
  checked.report.insert(checked.report.end(), findings.begin(), findings.end());
  checked.lossy = flow::has_errors(imported.report);
  checked.broken = flow::has_errors(findings) || (checked.lossy && format == flow::Format::kSluice);
  if (checked.broken) return checked;
  try {
    (void)flow::Flow::from_json(checked.flow);
  } catch (const Error& error) {
    checked.report.push_back({"", flow::Severity::kError, "engine", error.what(), error.hint()});
    checked.broken = true;
  }
  return checked;
}

void add_rules_of(const Invocation& invocation, flow::ValidateOptions& options) {
  if (!invocation.has("rules")) return;
  const std::string file = invocation.flag("rules");
  try {
    flow::add_rules(read_document(file), options);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", shown(file), error.what()), error.hint());
  }
}

void add_rules_of(Database& database, flow::ValidateOptions& options) {
  flow::add_rules(database
                      .query("SELECT coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(r) - 'updated_at')), '[]')::text "
                             "FROM sluice.validation_rules r")
                      .one()
                      .get<Json>(0),
                  options);
}

std::vector<std::string> flow_names(Database& database) {
  std::vector<std::string> names;
  const pg::Result found = database.query(
      "SELECT n.name FROM sluice.flow_definitions f CROSS JOIN LATERAL (VALUES (f.name), (f.id::text)) AS n (name) "
      "WHERE f.is_active AND f.published_version_id IS NOT NULL");
  for (const pg::Row row : found) names.push_back(row.get<std::string>(0));
  return names;
}

CheckedFlow check_stored(Database& database, const std::string& flow_id, flow::ValidateOptions options) {
  const bool own_rules = !options.more.empty() || !options.switched_off.empty();
  if (!may_judge(database)) {
    add_rules_of(database, options);
    const std::vector<std::string> flows = flow_names(database);
    options.flows.emplace(flows.begin(), flows.end());
    return check_flow(stored_flow(database, flow_id), flow::Format::kSluice, {}, std::move(options));
  }
  const pg::Result subject = database.query(
      "SELECT key, document::text, (SELECT jsonb_agg(jsonb_strip_nulls(r)) FROM jsonb_array_elements(rules) AS "
      "r)::text, "
      "flows FROM sluice.validation_subject($1::text::uuid)",
      pg::Params().text(flow_id));
  const pg::Row row = subject.one();
  if (!row.is_null(2)) flow::add_rules(row.get<Json>(2), options);
  const auto flows = row.get<std::vector<std::string>>(3);
  options.flows.emplace(flows.begin(), flows.end());
  CheckedFlow checked = check_flow(row.get<Json>(1), flow::Format::kSluice, {}, std::move(options));
  if (!own_rules) {
    (void)database.query("SELECT sluice.store_report($1::text::uuid, $2, $3)",
                         pg::Params().text(flow_id).text(row.get<std::string>(0)).jsonb(to_json(checked.report)));
  }
  return checked;
}

}  // namespace sluice::cli
