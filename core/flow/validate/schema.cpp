// The only file that includes valijson.
#include "core/flow/validate/schema.h"

#include <map>
#include <memory>
#include <stdexcept>
#include <valijson/adapters/rapidjson_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "flow_schemas.h"

namespace sluice::flow {
namespace {

using Adapter = valijson::adapters::GenericRapidJsonAdapter<Json>;
using Schemas = std::map<std::string, std::unique_ptr<valijson::Schema>, std::less<>>;

constexpr std::size_t kMostProblems = 20;  // of one content

Schemas read_schemas() {
  Schemas schemas;
  for (const embedded::File& file : embedded::kFiles) {
    std::string_view name = file.path.substr(file.path.rfind('/') + 1);
    name.remove_suffix(std::string_view(".json").size());
    auto text = parse_json(file.text);
    if (!text) throw std::logic_error("schema " + std::string(file.path) + ": " + text.error().message);
    auto schema = std::make_unique<valijson::Schema>();
    valijson::SchemaParser parser;
    const Adapter adapter(*text);
    parser.populateSchema(adapter, *schema);
    schemas.emplace(name, std::move(schema));
  }
  return schemas;
}

// {"<root>", "[actions]", "[0]"} → actions[0].
std::string path_of(const std::vector<std::string>& context) {
  std::string path;
  for (const std::string& step : context) {
    if (step == "<root>" || step.size() < 3) continue;
    const std::string name = step.substr(1, step.size() - 2);
    const bool index = name.find_first_not_of("0123456789") == std::string::npos;
    if (index) {
      path += "[" + name + "]";
    } else {
      path += (path.empty() ? "" : ".") + name;
    }
  }
  return path;
}

}  // namespace

std::vector<SchemaProblem> check_schema(std::string_view node_type, const Json& content) {
  static const Schemas kSchemas = read_schemas();
  const auto schema = kSchemas.find(node_type);
  if (schema == kSchemas.end()) return {};
  valijson::Validator validator;
  valijson::ValidationResults results;
  const Adapter adapter(content);
  std::vector<SchemaProblem> problems;
  if (validator.validate(*schema->second, adapter, &results)) return problems;
  valijson::ValidationResults::Error error;
  while (results.popError(error) && problems.size() < kMostProblems)
    problems.push_back({path_of(error.context), error.description});
  return problems;
}

}  // namespace sluice::flow
