// Aligned tables, and the lists and records that commands print: for people, or with --json as one document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/terminal.h"
#include "core/base/json.h"

namespace sluice::cli {

struct Cell {
  std::string text;  // any text; made printable when it is drawn
  Ink ink = Ink::kPlain;
};

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Heading {
    std::string_view title;
    Align align = Align::kLeft;
    std::size_t widest = 60;  // columns; longer text is cut
  };

  explicit Table(std::vector<Heading> headings) : headings_(std::move(headings)) {}

  void add(std::vector<Cell> row);  // as many cells as headings
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text(bool colour) const;  // a heading line and the rows, each ended by a line break

 private:
  std::vector<Heading> headings_;
  std::vector<std::vector<Cell>> rows_;
};

// A column of a list of records: the member to show, under a title.
struct Column {
  enum class Kind { kText, kNumber, kTime, kStatus };
  std::string_view title;
  std::string_view member;
  Kind kind = Kind::kText;
  std::size_t widest = 60;
};

// A value as one line: texts as they are, null as "", times to the second, everything else as compact JSON.
[[nodiscard]] std::string in_words(const Json* value, Column::Kind kind = Column::Kind::kText);

// Good, bad or neither, by the word: delivered, dead, retrying …
[[nodiscard]] Ink ink_of(std::string_view status);

// The records as a table's text.
[[nodiscard]] std::string list_text(const std::vector<Json>& records, const std::vector<Column>& columns, bool colour);

// The records as a table, or as a JSON list with all members. `nothing` says what is empty: "no sessions".
void print_list(const Invocation& invocation, const std::vector<Json>& records, const std::vector<Column>& columns,
                std::string_view nothing);

// One object: a line a member, nested values as indented JSON; or as JSON.
void print_record(const Invocation& invocation, const Json& record);

void print_heading(std::string_view text);

// The document on standard output, compact and with a line break.
void print_json(const Json& document);

// Indented by two blanks a level.
[[nodiscard]] std::string pretty(const Json& value, int indent = 0);

}  // namespace sluice::cli
