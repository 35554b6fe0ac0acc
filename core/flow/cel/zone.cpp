#include "core/flow/cel/zone.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/flow/cel/zone_rule.h"

namespace sluice::cel {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxFileBytes = std::size_t{64} * 1024;

struct Zone {
  struct Transition {
    std::int64_t from;  // unix seconds
    std::int64_t offset;
  };
  std::int64_t first_offset = 0;  // before the first transition
  std::vector<Transition> transitions;
  std::optional<ZoneRule> rule;  // after the last transition

  [[nodiscard]] std::int64_t offset_at(std::int64_t when) const {
    const auto after = std::ranges::upper_bound(transitions, when, {}, &Transition::from);
    if (after == transitions.end() && rule) return rule->offset_at(when);
    return after == transitions.begin() ? first_offset : std::prev(after)->offset;
  }
};

// Big-endian numbers of a TZif file, from an offset that the caller has checked.
std::int64_t number(std::string_view file, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8U | static_cast<unsigned char>(file[at + i]);
  const unsigned unused = static_cast<unsigned>(64 - 8 * bytes);
  return static_cast<std::int64_t>(value << unused) >> unused;
}

// Counts of a TZif header and the size of the data block after it, whose times take `time_bytes`.
struct Header {
  static constexpr std::size_t kBytes = 44;
  std::size_t is_ut, is_std, leaps, times, types, letters;

  static std::optional<Header> read(std::string_view file, std::size_t at) {
    if (file.size() < at + kBytes || file.substr(at, 4) != "TZif") return std::nullopt;
    const auto count = [&](std::size_t index) {
      return static_cast<std::size_t>(number(file, at + 20 + 4 * index, 4) & 0xFFFF);
    };
    return Header{count(0), count(1), count(2), count(3), count(4), count(5)};
  }
  [[nodiscard]] std::size_t block(std::size_t time_bytes) const {
    return times * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) + is_std + is_ut;
  }
};

// The second, 64-bit block and the rule after it; version 1 files have neither and are not read.
std::optional<Zone> parse_zone(std::string_view file) {
  const auto first = Header::read(file, 0);
  if (!first) return std::nullopt;
  const std::size_t second_at = Header::kBytes + first->block(4);
  const auto header = Header::read(file, second_at);
  if (!header || header->types == 0) return std::nullopt;
  const std::size_t times_at = second_at + Header::kBytes;
  const std::size_t end = times_at + header->block(8);
  if (file.size() < end) return std::nullopt;
  const std::size_t indexes_at = times_at + header->times * 8;
  const std::size_t types_at = indexes_at + header->times;
  const auto offset_of = [&](std::size_t type) {
    return number(file, types_at + std::min(type, header->types - 1) * 6, 4);
  };

  Zone zone{.first_offset = offset_of(0), .transitions = {}, .rule = {}};
  for (std::size_t i = 0; i < header->times; ++i) {
    zone.transitions.push_back(
        {number(file, times_at + 8 * i, 8), offset_of(static_cast<unsigned char>(file[indexes_at + i]))});
  }
  std::string_view rule = file.substr(end);
  if (rule.starts_with('\n')) rule.remove_prefix(1);
  zone.rule = parse_zone_rule(rule.substr(0, rule.find('\n')));
  return zone;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '/' || name.contains("..")) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  });
}

std::optional<Zone> read_zone(std::string_view name) {
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  if (!file) return std::nullopt;
  std::string content(kMaxFileBytes, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  return parse_zone(content);
}

// Only zones that exist are kept, so that invented names cannot fill the memory.
std::shared_ptr<const Zone> zone_named(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Zone>, std::less<>> zones;
  const std::lock_guard lock(mutex);
  if (const auto known = zones.find(name); known != zones.end()) return known->second;
  auto zone = read_zone(name);
  if (!zone) return nullptr;
  return zones.emplace(std::string(name), std::make_shared<const Zone>(std::move(*zone))).first->second;
}

// [+-]HH:MM
std::optional<std::int64_t> fixed_offset(std::string_view zone) {
  const bool west = zone.starts_with('-');
  if (west || zone.starts_with('+')) zone.remove_prefix(1);
  const auto digit = [&](std::size_t at) { return zone[at] >= '0' && zone[at] <= '9'; };
  if (zone.size() != 5 || zone[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const std::int64_t hours = (zone[0] - '0') * 10 + (zone[1] - '0');
  const std::int64_t minutes = (zone[3] - '0') * 10 + (zone[4] - '0');
  if (hours > 23 || minutes > 59) return std::nullopt;
  return (hours * 3600 + minutes * 60) * (west ? -1 : 1);
}

}  // namespace

std::optional<std::int64_t> zone_offset(std::string_view zone, std::int64_t unix_seconds) {
  if (zone == "UTC" || zone == "Z") return 0;
  if (const auto offset = fixed_offset(zone)) return offset;
  if (!is_zone_name(zone)) return std::nullopt;
  const auto found = zone_named(zone);
  if (!found) return std::nullopt;
  return found->offset_at(unix_seconds);
}

}  // namespace sluice::cel
