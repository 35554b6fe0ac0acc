#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::cli {
namespace {

constexpr std::array<std::string_view, 8> kGoodWords{"active",  "completed", "delivered", "ready",
                                                     "running", "enabled",   "closed",    "alive"};
constexpr std::array<std::string_view, 9> kBadWords{"dead", "failed",  "abandoned", "disabled", "ERROR",
                                                    "open", "unknown", "gone",      "lost"};
constexpr std::array<std::string_view, 6> kWarnWords{"retrying", "held", "paused", "half_open", "WARNING", "behind"};

void pad(std::string& line, std::size_t columns) {
  line.append(columns, ' ');
}

std::string at_once(const Json& value) {
  if (value.IsString()) return std::string(text_of(value));
  return value.IsNull() ? "" : to_text(value);
}

bool nested(const Json& value) {
  return (value.IsObject() && !value.ObjectEmpty()) ||
         (value.IsArray() && std::ranges::any_of(value.GetArray(), [](const Json& each) { return each.IsObject(); }));
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  for (std::size_t i = 0; i < row.size(); ++i) row[i].text = shortened(printable(row[i].text), headings_[i].widest);
  rows_.push_back(std::move(row));
}

std::string Table::text(bool colour) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    std::size_t width = display_width(headings_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    widths.push_back(width);
  }
  std::string out;
  const auto write = [&](std::size_t i, std::string_view cell, Ink ink) {
    const std::size_t space = widths[i] - display_width(cell);
    if (i > 0) out += "  ";
    if (headings_[i].align == Align::kRight) pad(out, space);
    out += inked(cell, ink, colour);
    if (headings_[i].align == Align::kLeft && i + 1 < headings_.size()) pad(out, space);
  };
  const auto end_line = [&] {
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  };
  for (std::size_t i = 0; i < headings_.size(); ++i) write(i, headings_[i].title, Ink::kBold);
  end_line();
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) write(i, row[i].text, row[i].ink);
    end_line();
  }
  return out;
}

std::string in_words(const Json* value, Column::Kind kind) {
  if (value == nullptr) return "";
  std::string text = at_once(*value);
  constexpr std::size_t kToSeconds = sizeof "2026-01-02T03:04:05" - 1;
  if (kind == Column::Kind::kTime && text.size() > kToSeconds && text[10] == 'T') {
    text = fmt::format("{} {}{}", text.substr(0, 10), text.substr(11, 8), text.ends_with("+00:00") ? "Z" : "");
  }
  return text;
}

Ink ink_of(std::string_view status) {
  if (std::ranges::find(kGoodWords, status) != kGoodWords.end()) return Ink::kGood;
  if (std::ranges::find(kBadWords, status) != kBadWords.end()) return Ink::kBad;
  return std::ranges::find(kWarnWords, status) != kWarnWords.end() ? Ink::kWarn : Ink::kPlain;
}

std::string list_text(const std::vector<Json>& records, const std::vector<Column>& columns, bool colour) {
  std::vector<Table::Heading> headings;
  headings.reserve(columns.size());
  for (const Column& column : columns) {
    headings.push_back({column.title, column.kind == Column::Kind::kNumber ? Table::Align::kRight : Table::Align::kLeft,
                        column.widest});
  }
  Table table(std::move(headings));
  for (const Json& record : records) {
    std::vector<Cell> row;
    for (const Column& column : columns) {
      Cell cell{in_words(find(record, column.member), column.kind)};
      if (column.kind == Column::Kind::kStatus) cell.ink = ink_of(cell.text);
      row.push_back(std::move(cell));
    }
    table.add(std::move(row));
  }
  return table.text(colour);
}

void print_list(const Invocation& invocation, const std::vector<Json>& records, const std::vector<Column>& columns,
                std::string_view nothing) {
  if (invocation.json()) {
    Json list = make_array();
    for (const Json& record : records) push(list, clone(record));
    return print_json(list);
  }
  if (records.empty()) return fmt::print("{}\n", nothing);
  fmt::print("{}", list_text(records, columns, takes_colour(stdout)));
}

void print_record(const Invocation& invocation, const Json& record) {
  if (invocation.json()) return print_json(record);
  std::size_t width = 0;
  for (const auto& member : record.GetObject()) width = std::max(width, display_width(text_of(member.name)));
  for (const auto& member : record.GetObject()) {
    const std::string name = fmt::format("{:<{}}", text_of(member.name), width);
    if (nested(member.value)) {
      fmt::print("{}\n{}\n", inked(name, Ink::kBold, takes_colour(stdout)),
                 printable_lines("  " + pretty(member.value, 1)));
      continue;
    }
    const std::string words = printable(
        in_words(&member.value, text_of(member.name).ends_with("_at") ? Column::Kind::kTime : Column::Kind::kText));
    fmt::print("{}  {}\n", inked(name, Ink::kBold, takes_colour(stdout)),
               text_of(member.name) == "status" ? inked(words, ink_of(words), takes_colour(stdout)) : words);
  }
}

void print_heading(std::string_view text) {
  fmt::print("\n{}\n", inked(text, Ink::kBold, takes_colour(stdout)));
}

void print_json(const Json& document) {
  fmt::print("{}\n", to_text(document));
}

std::string pretty(const Json& value, int indent) {
  if ((!value.IsObject() || value.ObjectEmpty()) && (!value.IsArray() || value.Empty())) return to_text(value);
  std::string out(1, value.IsObject() ? '{' : '[');
  const auto begin = [&] {
    fmt::format_to(std::back_inserter(out), "{}\n{:{}}", out.size() > 1 ? "," : "", "", 2 * (indent + 1));
  };
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      begin();
      out += to_text(member.name) + ": " + pretty(member.value, indent + 1);
    }
  } else {
    for (const Json& element : value.GetArray()) {
      begin();
      out += pretty(element, indent + 1);
    }
  }
  fmt::format_to(std::back_inserter(out), "\n{:{}}{}", "", 2 * indent, value.IsObject() ? '}' : ']');
  return out;
}

}  // namespace sluice::cli
