#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds kWindow{10};

struct Section {
  std::string_view title;
  std::string_view member;  // of the activity
  std::vector<Column> columns;
};

const std::vector<Section>& sections() {
  static const std::vector<Section> kSections = {{"Queues",
                                                  "queues",
                                                  {{"QUEUE", "name"},
                                                   {"PAUSED", "paused"},
                                                   {"DUE", "due", Column::Kind::kNumber},
                                                   {"OLDEST S", "oldest_seconds", Column::Kind::kNumber}}},
                                                 {"Slowest flows",
                                                  "flows",
                                                  {{"FLOW", "flow", Column::Kind::kText, 30},
                                                   {"STEPS", "steps", Column::Kind::kNumber},
                                                   {"OLDEST S", "oldest_seconds", Column::Kind::kNumber},
                                                   {"AT", "at", Column::Kind::kText, 30}}},
                                                 {"Consumers of events",
                                                  "consumers",
                                                  {{"CONSUMER", "name", Column::Kind::kText, 30},
                                                   {"RUNNING", "running"},
                                                   {"LAG S", "lag_seconds", Column::Kind::kNumber},
                                                   {"PARKED", "parked", Column::Kind::kNumber}}},
                                                 {"Lanes that wait or fail",
                                                  "lanes",
                                                  {{"ENDPOINT", "url", Column::Kind::kText, 50},
                                                   {"STATE", "state", Column::Kind::kStatus},
                                                   {"WAITING", "waiting", Column::Kind::kNumber},
                                                   {"LATE S", "late_seconds", Column::Kind::kNumber}}},
                                                 {"Breakers of calls",
                                                  "breakers",
                                                  {{"BREAKER", "key", Column::Kind::kText, 50},
                                                   {"STATE", "state", Column::Kind::kStatus},
                                                   {"OPEN S", "open_seconds", Column::Kind::kNumber}}}};
  return kSections;
}

double number(const Json& object, std::string_view name) {
  const Json* found = find(object, name);
  return found != nullptr && found->IsNumber() ? found->GetDouble() : 0;
}

// "-" for what is not known.
std::string shown(const Json& object, std::string_view name, std::string_view format) {
  const Json* found = find(object, name);
  if (found == nullptr || !found->IsNumber()) return "-";
  return fmt::format(fmt::runtime(format), found->GetDouble());
}

std::string count_of(const Json& status, std::string_view kind) {
  int alive = 0;
  int gone = 0;
  if (const Json* processes = find(status, "processes"); processes != nullptr && processes->IsArray()) {
    for (const Json& process : processes->GetArray()) {
      if (string_member(process, "kind") != kind) continue;
      const Json* state = find(process, "alive");
      ++(state != nullptr && state->IsTrue() ? alive : gone);
    }
  }
  return gone == 0 ? fmt::format("{} {}", alive, kind) : fmt::format("{} {} ({} gone)", alive, kind, gone);
}

std::vector<Json> rows_of(const Json& activity, std::string_view member) {
  std::vector<Json> rows;
  const Json* list = find(activity, member);
  if (list == nullptr || !list->IsArray()) return rows;
  for (const Json& element : list->GetArray()) {
    Json row = clone(element);
    for (const std::string_view seconds : {"oldest_seconds", "lag_seconds", "late_seconds", "open_seconds"}) {
      if (const Json* value = find(row, seconds); value != nullptr && value->IsNumber())
        set(row, seconds, fmt::format("{:.1f}", value->GetDouble()));
    }
    if (const Json* due = find(row, "due"); due != nullptr && due->IsNumber() && due->GetDouble() >= 1000)
      set(row, "due", fmt::format("{:.0f}+", due->GetDouble()));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

void Rates::add(const Json& activity, std::chrono::steady_clock::time_point at) {
  const Json* totals = find(activity, "totals");
  if (totals == nullptr || !totals->IsObject()) return;
  looks_.push_back({clone(*totals), at});
  while (looks_.size() > 2 && at - looks_[1].at >= kWindow) looks_.pop_front();
}

Json Rates::per_second() const {
  Json rates = make_object();
  if (looks_.empty()) return rates;
  const Look& first = looks_.front();
  const Look& last = looks_.back();
  const double seconds = std::chrono::duration<double>(last.at - first.at).count();
  for (const auto& member : last.totals.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (seconds <= 0) {
      set(rates, name, Json());
    } else {
      const double grown = std::max(0.0, number(last.totals, name) - number(first.totals, name));
      set(rates, name, Json(grown / seconds));
    }
  }
  return rates;
}

std::string top_text(const Json& status, const Json& activity, const Json& rates, std::size_t lines, bool colour) {
  const Json nothing = make_object();
  const Json* found = find(activity, "delivery_ms");
  const Json& delivery = found == nullptr ? nothing : *found;
  std::string out =
      fmt::format("{}  {}  {}, {}, {}  {} failed tasks\n", inked("sluice top", Ink::kBold, colour),
                  in_words(find(activity, "time"), Column::Kind::kTime), count_of(status, "listener"),
                  count_of(status, "worker"), count_of(status, "notifier"), in_words(find(status, "failed_tasks")));
  fmt::format_to(
      std::back_inserter(out), "per second  sessions {}  steps {}  tasks {}  events {}  deliveries {}  attempts {}\n",
      shown(rates, "sessions", "{:.1f}"), shown(rates, "steps", "{:.1f}"), shown(rates, "tasks", "{:.1f}"),
      shown(rates, "events", "{:.1f}"), shown(rates, "deliveries", "{:.1f}"), shown(rates, "attempts", "{:.1f}"));
  fmt::format_to(std::back_inserter(out),
                 "webhooks ms  request p50 {} p99 {}  event to answer p50 {} p99 {}  (last {} attempts)\n",
                 shown(delivery, "request_p50", "{:.0f}"), shown(delivery, "request_p99", "{:.0f}"),
                 shown(delivery, "total_p50", "{:.0f}"), shown(delivery, "total_p99", "{:.0f}"),
                 shown(delivery, "attempts", "{:.0f}"));

  // Tables share the lines that are there; each takes an empty line, its title and its headings as well.
  std::vector<std::vector<Json>> tables;
  std::size_t left = 0;
  for (const Section& section : sections()) {
    tables.push_back(rows_of(activity, section.member));
    left += tables.back().empty() ? 0U : 1U;
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    std::vector<Json>& rows = tables[i];
    if (rows.empty()) continue;
    const std::size_t used = count_lines(out);
    const std::size_t share = (lines - std::min(lines, used)) / left--;
    if (share < 4) continue;
    const std::size_t fit = share - 3;
    const std::size_t hidden = rows.size() > fit ? rows.size() - (fit - 1) : 0;
    rows.resize(rows.size() - hidden);
    fmt::format_to(std::back_inserter(out), "\n{}\n", inked(sections()[i].title, Ink::kBold, colour));
    if (rows.empty()) {
      fmt::format_to(std::back_inserter(out), "{} of them\n", hidden);
      continue;
    }
    out += list_text(rows, sections()[i].columns, colour);
    if (hidden > 0) fmt::format_to(std::back_inserter(out), "and {} more\n", hidden);
  }
  return out;
}

}  // namespace sluice::cli
