#include "core/flow/import/rapidpro_expression.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

#include "core/flow/import/cel_text.h"

namespace sluice::flow::importing {
namespace {

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// "name.and.more" at the start of the text; a full stop that ends a sentence is no part of it.
std::string_view reference_at(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (is_name(text[end]) || (text[end] == '.' && end + 1 < text.size() && is_name(text[end + 1]))))
    ++end;
  return text.substr(0, end);
}

std::string regex_of(std::string_view words, std::string_view between) {
  std::string pattern;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == ' ') {
      if (!pattern.empty() && !pattern.ends_with(between)) pattern += between;
      continue;
    }
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(words[i]) != std::string_view::npos) pattern += '\\';
    pattern += words[i];
  }
  return fmt::format(R"((?i)(?:^|\W)(?:{})(?:\W|$))", pattern);
}

std::string matches(const std::string& operand, std::string_view pattern) {
  return fmt::format("string({}).matches({})", operand, cel_string(pattern));
}

struct NumberTest {
  std::string_view type, sign;
};
constexpr std::array<NumberTest, 5> kNumberTests{{{"has_number_eq", "=="},
                                                  {"has_number_lt", "<"},
                                                  {"has_number_lte", "<="},
                                                  {"has_number_gt", ">"},
                                                  {"has_number_gte", ">="}}};

struct PatternTest {
  std::string_view type, pattern;
};
constexpr std::array<PatternTest, 6> kPatternTests{{{"has_text", R"(\S)"},
                                                    {"has_number", "[0-9]"},
                                                    {"has_email", R"([^@\s]+@[^@\s]+\.[^@\s]+)"},
                                                    {"has_phone", R"(\+?[0-9][0-9 ()-]{5,})"},
                                                    {"has_date", R"([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})"},
                                                    {"has_time", "[0-9]{1,2}:[0-9]{2}"}}};

std::optional<std::string> number_test(std::string_view type, const std::vector<std::string>& arguments,
                                       const std::string& operand) {
  const std::string value = fmt::format("double({})", operand);
  for (const NumberTest& known : kNumberTests) {
    if (known.type != type || arguments.empty() || !is_number(arguments[0])) continue;
    return fmt::format("{} {} {}", value, known.sign, cel_double(arguments[0]));
  }
  if (type == "has_number_between" && arguments.size() > 1 && is_number(arguments[0]) && is_number(arguments[1])) {
    return fmt::format("{0} >= {1} && {0} <= {2}", value, cel_double(arguments[0]), cel_double(arguments[1]));
  }
  return std::nullopt;
}

std::string all_words(const std::string& words, const std::string& operand) {
  std::string cel;
  std::string_view rest = stripped(words);
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    cel += (cel.empty() ? "" : " && ") + matches(operand, regex_of(word, "|"));
    rest = stripped(rest.substr(word.size()));
  }
  return cel.empty() ? "false" : cel;
}

}  // namespace

std::string path_of(std::string_view reference) {
  struct Root {
    std::string_view theirs;
    std::string_view ours;
  };
  constexpr std::array<Root, 11> kRoots{{{"input.text", kInput},
                                         {"input", kInput},
                                         {"contact.fields.", "user."},
                                         {"contact.name", "user.name"},
                                         {"contact.", "user."},
                                         {"contact", "user.name"},
                                         {"fields.", "user."},
                                         {"webhook.json.", "temp.response."},
                                         {"webhook.", "temp.response."},
                                         {"webhook", "temp.response"},
                                         {"legacy_extra.", "temp.response."}}};
  constexpr std::string_view kResults = "results.";
  if (reference.starts_with(kResults)) {
    std::string_view rest = reference.substr(kResults.size());
    const std::size_t dot = rest.find('.');
    const std::string name(rest.substr(0, dot));
    const std::string_view member = dot == std::string_view::npos ? std::string_view("value") : rest.substr(dot + 1);
    if (member == "value" || member == "input") return "variables." + name;
    if (member == "category") return "variables." + name + "_category";
    if (member.starts_with("extra.")) return "temp.response." + std::string(member.substr(6));
    return {};
  }
  for (const Root& root : kRoots) {
    if (root.theirs.ends_with('.') && reference.starts_with(root.theirs) && reference.size() > root.theirs.size()) {
      return std::string(root.ours) + std::string(reference.substr(root.theirs.size()));
    }
    if (reference == root.theirs) return std::string(root.ours);
  }
  return {};
}

std::string rewrite_expressions(std::string_view text, Draft& draft, const std::string& path) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '@') {
      result += text[i++];
      continue;
    }
    if (text.substr(i).starts_with("@@")) {
      result += '@';
      i += 2;
      continue;
    }
    const bool bracketed = text.substr(i).starts_with("@(");
    const std::size_t close = bracketed ? text.find(')', i) : std::string_view::npos;
    std::string_view reference = bracketed ? std::string_view() : reference_at(text.substr(i + 1));
    std::size_t end = i + 1 + reference.size();
    if (bracketed && close != std::string_view::npos) {
      const std::string_view inner = stripped(text.substr(i + 2, close - i - 2));
      if (reference_at(inner).size() == inner.size()) {
        reference = inner;
        end = close + 1;
      }
    }
    const std::string where = path_of(reference);
    if (!where.empty()) {
      result += "{{" + where + "}}";
      i = end;
      continue;
    }
    constexpr std::array<std::string_view, 12> kTheirs{"contact", "results", "fields", "input",   "urns",    "globals",
                                                       "child",   "parent",  "run",    "webhook", "trigger", "node"};
    const std::string_view root = reference.substr(0, reference.find('.'));
    bool theirs = bracketed;
    for (const std::string_view name : kTheirs) theirs = theirs || root == name;
    if (theirs)
      draft.note(path, Severity::kWarning,
                 fmt::format("'{}' has no counterpart here and stays as it is",
                             text.substr(i, std::max<std::size_t>(end - i, 2))));
    result.append(text.substr(i, end - i));
    i = end;
  }
  return result;
}

std::optional<std::string> test_of(std::string_view type, const std::vector<std::string>& arguments,
                                   const std::string& operand) {
  for (const PatternTest& known : kPatternTests) {
    if (known.type == type) return matches(operand, known.pattern);
  }
  if (type.starts_with("has_number_")) return number_test(type, arguments, operand);
  const std::string first = arguments.empty() ? std::string() : arguments[0];
  if (type == "has_any_word") return matches(operand, regex_of(first, "|"));
  if (type == "has_all_words") return all_words(first, operand);
  if (type == "has_phrase") return matches(operand, regex_of(first, R"(\W+)"));
  if (type == "has_only_phrase")
    return fmt::format("string({}).trim().lowerAscii() == {}.lowerAscii()", operand, cel_string(stripped(first)));
  if (type == "has_only_text") return fmt::format("string({}) == {}", operand, cel_string(first));
  if (type == "has_beginning")
    return fmt::format("string({}).trim().lowerAscii().startsWith({}.lowerAscii())", operand,
                       cel_string(stripped(first)));
  if (type == "has_pattern") return matches(operand, "(?i)" + first);
  if (type == "has_group" && !arguments.empty())
    return fmt::format("has(user.groups) && {} in user.groups", cel_string(arguments.back()));
  if (type == "has_category") {
    std::string list;
    for (const std::string& argument : arguments) list += (list.empty() ? "" : ", ") + cel_string(argument);
    return fmt::format("{}_category in [{}]", operand, list);
  }
  if (type == "has_value") return fmt::format("has({0}) && !({0} in [null, \"\"])", operand);
  return std::nullopt;
}

}  // namespace sluice::flow::importing
