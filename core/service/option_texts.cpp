// What is generated from the option table: help, dump and reference.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "core/service/options.h"

namespace sluice {
namespace {

std::string_view value_name(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::kText:
      return "TEXT";
    case OptionType::kInteger:
      return "N";
    case OptionType::kDuration:
      return "DURATION";
    case OptionType::kChoice:
      return "WORD";
    case OptionType::kList:
      return "A,B,...";
  }
  return "";
}

constexpr std::size_t kLeftColumn = 34;
constexpr std::size_t kLineWidth = 110;

// "  --flag VALUE    text", the text wrapped in its own column.
void write_row(std::string& out, std::string_view left, std::string_view right) {
  fmt::format_to(std::back_inserter(out), "  {:<{}}", left, kLeftColumn - 2);
  std::size_t column = std::max(kLeftColumn, left.size() + 2);
  if (left.size() + 3 > kLeftColumn) {
    out += "\n" + std::string(kLeftColumn, ' ');
    column = kLeftColumn;
  }
  while (!right.empty()) {
    const auto end = std::min(right.find(' '), right.size());
    if (column + end > kLineWidth && column > kLeftColumn) {
      out += "\n" + std::string(kLeftColumn, ' ');
      column = kLeftColumn;
    }
    out += right.substr(0, end);
    column += end + 1;
    right.remove_prefix(std::min(end + 1, right.size()));
    if (!right.empty()) out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  out += '\n';
}

std::string quote_toml(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04X}", byte);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

bool equal_at(std::string_view text, std::size_t at, std::string_view lower) {
  if (at + lower.size() > text.size()) return false;
  return std::ranges::equal(text.substr(at, lower.size()), lower,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

// Past a value in a key=value string: quoted with ' and \ as escape, or up to white space.
std::size_t end_of_value(std::string_view dsn, std::size_t at) {
  const bool quoted = at < dsn.size() && dsn[at] == '\'';
  for (std::size_t i = quoted ? at + 1 : at; i < dsn.size(); ++i) {
    if (dsn[i] == '\\') {
      ++i;
    } else if (quoted ? dsn[i] == '\'' : std::isspace(static_cast<unsigned char>(dsn[i])) != 0) {
      return quoted ? i + 1 : i;
    }
  }
  return dsn.size();
}

std::string uri_without_password(std::string_view dsn, std::size_t authority) {
  const std::string_view parameters = dsn.substr(std::min(dsn.find('?'), dsn.size()));
  const std::string_view before = dsn.substr(0, dsn.size() - parameters.size());
  std::string result(before);
  // A password may hold any byte that its writer forgot to encode, so all up to the last '@' is taken for it.
  const auto at = before.rfind('@');
  const auto colon = before.find(':', authority);
  if (at != std::string_view::npos && colon < at)
    result = fmt::format("{}:***{}", before.substr(0, colon), before.substr(at));
  for (std::size_t i = 0; i < parameters.size();) {
    const auto end = std::min(parameters.find('&', i), parameters.size());
    const std::string_view parameter = parameters.substr(i, end - i);
    const auto equals = parameter.find('=');
    const bool hidden = equals != std::string_view::npos && (parameter.substr(0, equals).ends_with("password"));
    result += hidden ? fmt::format("{}=***", parameter.substr(0, equals)) : std::string(parameter);
    if (end < parameters.size()) result += '&';
    i = end + 1;
  }
  return result;
}

}  // namespace

std::string allowed_values(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::kInteger:
      return fmt::format("{} to {}", spec.minimum, spec.maximum);
    case OptionType::kDuration:
      return fmt::format("{} to {} s", static_cast<double>(spec.minimum) / 1000,
                         static_cast<double>(spec.maximum) / 1000);
    case OptionType::kChoice: {
      std::string words(spec.choices);
      std::ranges::replace(words, ' ', '|');
      return words;
    }
    default:
      return {};
  }
}

std::string without_password(std::string_view dsn) {
  if (const auto scheme = dsn.find("://"); scheme != std::string_view::npos)
    return uri_without_password(dsn, scheme + 3);
  std::string result;
  for (std::size_t i = 0; i < dsn.size();) {
    if (!equal_at(dsn, i, "password")) {
      result += dsn[i++];
      continue;
    }
    result += dsn.substr(i, 8);
    i += 8;
    const auto value = dsn.find_first_not_of(" \t\r\n", i);
    if (value == std::string_view::npos || dsn[value] != '=') continue;
    const auto start = std::min(dsn.find_first_not_of(" \t\r\n", value + 1), dsn.size());
    result += "=***";
    i = end_of_value(dsn, start);
  }
  return result;
}

std::string Options::dump() const {
  std::string out;
  std::string_view section;
  for (const OptionSpec& spec : option_table()) {
    const auto dot = spec.name.find('.');
    if (spec.name.substr(0, dot) != section) {
      section = spec.name.substr(0, dot);
      fmt::format_to(std::back_inserter(out), "{}[{}]\n", out.empty() ? "" : "\n", section);
    }
    const Value& value = values_.find(spec.name)->second;
    std::string text = spec.secret ? quote_toml(without_password(value.text)) : quote_toml(value.text);
    if (spec.type == OptionType::kInteger) text = value.text;
    if (spec.type == OptionType::kList) {
      std::vector<std::string> items;
      items.reserve(value.items.size());
      for (const std::string& item : value.items) items.push_back(quote_toml(item));
      text = fmt::format("[{}]", fmt::join(items, ", "));
    }
    fmt::format_to(std::back_inserter(out), "{} = {}  # {}\n", spec.name.substr(dot + 1), text, value.source);
  }
  return out;
}

std::string options_help(std::span<const Flag> flags) {
  std::string out;
  if (!flags.empty()) {
    out += "Flags:\n";
    for (const Flag& flag : flags)
      write_row(out, fmt::format("--{}{}{}", flag.name, flag.argument.empty() ? "" : " ", flag.argument),
                flag.description);
    out += '\n';
  }
  out += "Options (also in the configuration file, and in the environment as SLUICE_SECTION_KEY):\n";
  for (const OptionSpec& spec : option_table()) {
    const std::string limits = allowed_values(spec);
    std::string text(spec.description);
    if (!limits.empty()) text += "; " + limits;
    if (!spec.fallback.empty()) text += fmt::format(" (default {})", spec.fallback);
    write_row(out, fmt::format("--{} {}", spec.short_flag.empty() ? spec.name : spec.short_flag, value_name(spec)),
              text);
  }
  out += '\n';
  write_row(out, "--config FILE",
            "configuration file (default $SLUICE_CONFIG, then /etc/sluice/sluice.toml if it is there)");
  write_row(out, "--dump-config", "show every option with its value and where that came from");
  write_row(out, "-h, --help", "show this text");
  write_row(out, "--version", "show the version");
  return out;
}

std::string options_reference() {
  std::string out =
      "# Configuration reference\n\n"
      "Flags win over the environment, the environment over the file, the file over the defaults. Durations are "
      "written as `500ms`, "
      "`30s`, `5m`, `24h` or `7d`.\n\n"
      "| key | variable | flag | allowed | default | reload | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const OptionSpec& spec : option_table()) {
    std::string limits = allowed_values(spec);
    std::ranges::replace(limits, '|', '/');  // it would end the table's cell
    if (limits.empty()) limits = spec.type == OptionType::kList ? "list" : "text";
    fmt::format_to(std::back_inserter(out), "| `{}` | `{}` | `--{}` | {} | {} | {} | {} |\n", spec.name,
                   environment_name(spec), spec.short_flag.empty() ? spec.name : spec.short_flag, limits,
                   spec.fallback.empty() ? "empty" : fmt::format("`{}`", spec.fallback), spec.reloadable ? "yes" : "no",
                   spec.description);
  }
  return out;
}

}  // namespace sluice
