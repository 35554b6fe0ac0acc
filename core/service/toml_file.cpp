// toml++ takes some broken headers, such as "[:.y]", for impossible and asserts that they are; a build without
// assertions would go on with undefined behaviour. What it holds for impossible is refused here in every build.
struct HeldImpossible {};
#undef NDEBUG
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : throw HeldImpossible())
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <fmt/format.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "core/base/errors.h"
#include "core/service/option_sources.h"

namespace sluice {
namespace {

constexpr std::size_t kMaxFileBytes = 1U << 20U;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw ConfigError(fmt::format("cannot read {}: {}", path, std::strerror(errno)), "name another file with --config");
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) throw ConfigError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes)
    throw ConfigError(path + " is longer than 1 MiB", "a configuration file has a few dozen lines");
  return text;
}

class Reader {
 public:
  Reader(const std::string& path, Options& options) : path_(path), options_(options) {}

  void read_root(const toml::table& root) const {
    std::set<std::string> sections;
    for (const OptionSpec& spec : option_table()) sections.emplace(spec.name.substr(0, spec.name.find('.')));
    for (const auto& [key, node] : root) {
      const std::string name(key.str());
      if (!sections.contains(name)) refuse_unknown(key, "section", name, {sections.begin(), sections.end()});
      const toml::table* section = node.as_table();
      if (section == nullptr)
        refuse(key.source(), fmt::format("'{}' is a section; write [{}] and its keys below", name, name));
      read_section(name, *section);
    }
  }

 private:
  void read_section(const std::string& section, const toml::table& table) const {
    for (const auto& [key, node] : table) {
      const std::string name = section + "." + std::string(key.str());
      const OptionSpec* spec = find_option(name);
      if (spec == nullptr) {
        std::vector<std::string> names;
        for (const OptionSpec& each : option_table()) names.emplace_back(each.name);
        refuse_unknown(key, "key", name, names);
      }
      read_value(*spec, node);
    }
  }

  void read_value(const OptionSpec& spec, const toml::node& node) const {
    std::string source = at(node.source());
    std::expected<void, std::string> stored;
    if (spec.type == OptionType::kList) {
      stored = options_.set_list(spec, texts_of(spec, node), std::move(source));
    } else if (const auto* text = node.as_string(); text != nullptr && spec.type != OptionType::kInteger) {
      stored = options_.set(spec, text->get(), std::move(source));
    } else if (const auto* number = node.as_integer();
               number != nullptr && (spec.type == OptionType::kInteger || spec.type == OptionType::kDuration)) {
      stored = options_.set(spec, std::to_string(number->get()), std::move(source));
    } else {
      const char* wanted = spec.type == OptionType::kInteger    ? "a whole number"
                           : spec.type == OptionType::kDuration ? "a duration such as \"30s\""
                                                                : "a text in quotes";
      refuse(node.source(), fmt::format("{} must be {}", spec.name, wanted));
    }
    if (!stored) refuse(node.source(), stored.error());
  }

  [[nodiscard]] std::vector<std::string> texts_of(const OptionSpec& spec, const toml::node& node) const {
    std::vector<std::string> items;
    const toml::array* array = node.as_array();
    if (array == nullptr)
      refuse(node.source(), fmt::format("{} must be an array of texts, such as [\"10.0.0.0/8\"]", spec.name));
    for (const toml::node& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) refuse(item.source(), fmt::format("{} must hold nothing but texts", spec.name));
      items.push_back(text->get());
    }
    return items;
  }

  [[nodiscard]] std::string at(const toml::source_region& place) const {
    return fmt::format("{}:{}", path_, place.begin.line);
  }

  [[noreturn]] void refuse(const toml::source_region& place, const std::string& why) const {
    throw ConfigError(at(place) + ": " + why, "'sluice check-config' tells when the file is good");
  }

  [[noreturn]] void refuse_unknown(const toml::key& key, std::string_view what, const std::string& name,
                                   const std::vector<std::string>& known) const {
    std::string hint = did_you_mean(name, known);
    if (hint.empty()) hint = fmt::format("known: {}", fmt::join(known, ", "));
    throw ConfigError(fmt::format("{}: unknown {} '{}'", at(key.source()), what, name), hint);
  }

  const std::string& path_;
  Options& options_;
};

}  // namespace

namespace {

constexpr std::string_view kForm = "the file is TOML: [section] lines, key = value, texts in quotes";

bool is_held_impossible(std::string_view text) {
  try {
    (void)toml::parse(text);
    return false;
  } catch (const HeldImpossible&) {
    return true;
  }
}

// The assertion does not tell where it is: the first line with which the text cannot be parsed.
[[noreturn]] void refuse_impossible(const std::string& path, std::string_view text) {
  int line = 1;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1), ++line) {
    if (is_held_impossible(text.substr(0, end))) break;
  }
  throw ConfigError(fmt::format("{}:{}: this is no TOML", path, line), std::string(kForm));
}

toml::parse_result parse(const std::string& path, std::string_view text) {
  try {
    return toml::parse(text, path);
  } catch (const HeldImpossible&) {
    refuse_impossible(path, text);
  }
}

}  // namespace

void read_toml_file(const std::string& path, Options& options) {
  const std::string text = read_file(path);
  const toml::parse_result parsed = parse(path, text);
  if (!parsed) {
    throw ConfigError(fmt::format("{}:{}: {}", path, parsed.error().source().begin.line, parsed.error().description()),
                      std::string(kForm));
  }
  Reader(path, options).read_root(parsed.table());
}

}  // namespace sluice
