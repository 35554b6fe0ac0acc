#include "core/service/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace sluice {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto end = text.find(separator);
    std::string_view item = text.substr(0, end);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return items;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::optional<std::int64_t> milliseconds_in(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = whole_number(text.substr(0, digits));
  const std::string_view unit = digits == text.size() ? "s" : text.substr(digits);
  const auto* found = std::ranges::find(kUnits, unit, &Unit::name);
  std::int64_t product = 0;
  if (!number || found == std::end(kUnits) || __builtin_mul_overflow(*number, found->milliseconds, &product))
    return std::nullopt;
  return product;
}

std::string duration_text(std::int64_t milliseconds) {
  for (auto unit = std::rbegin(kUnits); unit != std::rend(kUnits); ++unit) {
    if (milliseconds >= unit->milliseconds && milliseconds % unit->milliseconds == 0) {
      return fmt::format("{}{}", milliseconds / unit->milliseconds, unit->name);
    }
  }
  return fmt::format("{}s", milliseconds / 1000);
}

std::string quoted(const OptionSpec& spec, std::string_view value) {
  return spec.secret ? "what was given" : fmt::format("'{}'", value);
}

std::unexpected<std::string> out_of_range(const OptionSpec& spec, std::string_view value) {
  if (spec.type == OptionType::kDuration) {
    return std::unexpected(fmt::format("{} must be a duration (500ms, 30s, 5m, 24h, 7d) from {} to {}, not {}",
                                       spec.name, duration_text(spec.minimum), duration_text(spec.maximum),
                                       quoted(spec, value)));
  }
  return std::unexpected(fmt::format("{} must be a whole number from {} to {}, not {}", spec.name, spec.minimum,
                                     spec.maximum, quoted(spec, value)));
}

}  // namespace

std::string environment_name(const OptionSpec& spec) {
  std::string name = "SLUICE_";
  for (const char c : spec.name)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Options::Options() {
  for (const OptionSpec& spec : option_table()) {
    if (const auto stored = set(spec, spec.fallback, "default"); !stored) throw std::logic_error(stored.error());
  }
}

const Options::Value& Options::value(std::string_view name, std::initializer_list<OptionType> types) const {
  const OptionSpec* spec = find_option(name);
  if (spec == nullptr || std::ranges::find(types, spec->type) == types.end()) {
    throw std::logic_error("no option of that type: " + std::string(name));
  }
  return values_.find(name)->second;
}

const std::string& Options::text(std::string_view name) const {
  return value(name, {OptionType::kText, OptionType::kChoice}).text;
}
std::int64_t Options::integer(std::string_view name) const {
  return value(name, {OptionType::kInteger}).number;
}
std::chrono::milliseconds Options::duration(std::string_view name) const {
  return std::chrono::milliseconds(value(name, {OptionType::kDuration}).number);
}
const std::vector<std::string>& Options::list(std::string_view name) const {
  return value(name, {OptionType::kList}).items;
}

const std::string& Options::source(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error("no option " + std::string(name));
  return found->second.source;
}

std::expected<void, std::string> Options::set(const OptionSpec& spec, std::string_view value, std::string source) {
  if (spec.type == OptionType::kList) return set_list(spec, split(value, ','), std::move(source));
  Value stored{std::string(value), {}, 0, std::move(source)};
  if (spec.type == OptionType::kInteger || spec.type == OptionType::kDuration) {
    const auto number = spec.type == OptionType::kInteger ? whole_number(value) : milliseconds_in(value);
    if (!number || *number < spec.minimum || *number > spec.maximum) return out_of_range(spec, value);
    stored.number = *number;
  } else if (spec.type == OptionType::kChoice) {
    const auto choices = split(spec.choices, ' ');
    if (std::ranges::find(choices, value) == choices.end()) {
      return std::unexpected(
          fmt::format("{} must be one of {}, not {}", spec.name, fmt::join(choices, ", "), quoted(spec, value)));
    }
  } else if (value.find('\0') != std::string_view::npos) {
    return std::unexpected(fmt::format("{} must not contain a NUL", spec.name));
  } else if (spec.check != nullptr) {
    if (const std::string wrong = spec.check(value); !wrong.empty()) {
      return std::unexpected(fmt::format("{} {}, not {}", spec.name, wrong, quoted(spec, value)));
    }
  }
  values_.insert_or_assign(std::string(spec.name), std::move(stored));
  return {};
}

std::expected<void, std::string> Options::set_list(const OptionSpec& spec, std::vector<std::string> items,
                                                   std::string source) {
  for (const std::string& item : items) {
    const std::string wrong = spec.check == nullptr ? "" : spec.check(item);
    if (!wrong.empty()) return std::unexpected(fmt::format("{}: {}", spec.name, wrong));
  }
  values_.insert_or_assign(std::string(spec.name),
                           Value{fmt::format("{}", fmt::join(items, ",")), std::move(items), 0, std::move(source)});
  return {};
}

std::vector<std::string> Options::reload(const Options& fresh) {
  std::vector<std::string> need_restart;
  for (const OptionSpec& spec : option_table()) {
    Value& now = values_.find(spec.name)->second;
    const Value& wanted = fresh.values_.find(spec.name)->second;
    if (spec.reloadable) {
      now = wanted;
    } else if (now.text != wanted.text) {
      need_restart.emplace_back(spec.name);
    }
  }
  return need_restart;
}

}  // namespace sluice
