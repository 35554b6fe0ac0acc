#include "cli/said.h"

#include <array>

namespace sluice::cli {
namespace {

// The first member that says something to a person.
std::string member_words(const Json& content) {
  constexpr std::array<std::string_view, 8> kSpeaking{"text",  "question", "caption", "title",
                                                      "label", "url",      "value",   "payload"};
  for (const std::string_view name : kSpeaking) {
    const Json* member = find(content, name);
    if (member == nullptr || member->IsNull()) continue;
    std::string words = words_of(*member);
    if (!words.empty()) return words;
  }
  return {};
}

std::string book_words(const Json& books) {
  std::string words;
  for (const Json& book : books.GetArray()) {
    if (!words.empty()) words += '\n';
    words += "• " + words_of(book);
    if (const auto author = string_member(book, "author"); !author.empty()) words += " (" + std::string(author) + ")";
  }
  return words;
}

}  // namespace

std::string words_of(const Json& content) {
  if (content.IsString()) return std::string(text_of(content));
  if (!content.IsObject()) return content.IsNull() ? "" : to_text(content);
  const Json* books = find(content, "books");
  std::string words = books != nullptr && books->IsArray() ? book_words(*books) : member_words(content);
  return words.empty() ? to_text(content) : words;
}

std::vector<std::string> options_of(const Json& content) {
  std::vector<std::string> labels;
  for (const std::string_view name : {"options", "choices", "buttons"}) {
    const Json* options = find(content, name);
    if (options == nullptr || !options->IsArray() || !labels.empty()) continue;
    for (const Json& option : options->GetArray()) labels.push_back(words_of(option));
  }
  return labels;
}

}  // namespace sluice::cli
