#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cwchar>

#include "core/base/utf8.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string escaped(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code == '\r') return "\\r";
  return code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(code))
                      : fmt::format("\\u{:04x}", static_cast<unsigned>(code));
}

std::string made_printable(std::string_view text, bool keep_lines) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    if (!character.valid) {
      out += kReplacement;
    } else if (acts_on_display(character.code) && !(keep_lines && character.code == '\n')) {
      out += escaped(character.code);
    } else {
      out += text.substr(at, character.length);
    }
    at += character.length;
  }
  return out;
}

// wcwidth() knows the widths, in the encoding of the thread's locale.
std::size_t width_of(char32_t code) {
  static const locale_t kUtf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kUtf8 == nullptr) return 1;
  const locale_t before = uselocale(kUtf8);
  const int width = wcwidth(static_cast<wchar_t>(code));
  uselocale(before);
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

std::string_view code_of(Ink ink) {
  switch (ink) {
    case Ink::kBold:
      return "1";
    case Ink::kDim:
      return "2";
    case Ink::kGood:
      return "32";
    case Ink::kWarn:
      return "33";
    case Ink::kBad:
      return "31";
    case Ink::kPlain:
      break;
  }
  return "";
}

}  // namespace

bool takes_colour(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  const char* refused = std::getenv("NO_COLOR");
  return isatty(fileno(stream)) == 1 && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

std::string inked(std::string_view text, Ink ink, bool colour) {
  if (!colour || ink == Ink::kPlain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(ink), text);
}

std::string printable(std::string_view text) {
  return made_printable(text, false);
}
std::string printable_lines(std::string_view text) {
  return made_printable(text, true);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char character = decode_utf8(text, at);
    width += character.valid ? width_of(character.code) : 1;
    at += character.length;
  }
  return width;
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Char character = decode_utf8(text, at);
    const std::size_t more = character.valid ? width_of(character.code) : 1;
    if (width + more + 1 > columns) break;
    width += more;
    at += character.length;
  }
  return std::string(text.substr(0, at)) + "…";
}

}  // namespace sluice::cli
