// What is written for people: colour on terminals alone, text that cannot harm the terminal, widths in columns.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace sluice::cli {

enum class Ink { kPlain, kBold, kDim, kGood, kWarn, kBad };

// Whether colour may be written to the stream: it is a terminal, and neither NO_COLOR nor TERM=dumb speaks against it.
[[nodiscard]] bool takes_colour(std::FILE* stream);

[[nodiscard]] std::string inked(std::string_view text, Ink ink, bool colour);

// Control characters as \n, \t, \x1b and what is not UTF-8 as U+FFFD: nothing from a database can move the cursor.
[[nodiscard]] std::string printable(std::string_view text);

// The same for text of several lines: line breaks stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

// Columns that a terminal needs for printable text: wide characters two, combining ones none.
[[nodiscard]] std::size_t display_width(std::string_view text);

// At most `columns` of the text, the last one "…" when something was cut off.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

}  // namespace sluice::cli
