#include "sql/sql_text.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "sql_files.h"

namespace sluice::sql {
namespace {

constexpr std::string_view kMark = "-- name: ";
constexpr std::string_view kBlank = " \t\r\n";

std::vector<File> files_under(std::string_view folder) {
  std::vector<File> files;
  for (const auto& file : embedded::kFiles) {
    if (file.path.starts_with(folder)) files.push_back({file.path, file.text});
  }
  std::ranges::sort(files, {}, &File::path);
  return files;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Where the next line that begins with the mark begins, from `at` on, which is a line's begin.
std::size_t find_mark(std::string_view text, std::size_t at) {
  while (at < text.size() && !text.substr(at).starts_with(kMark)) {
    const auto end = text.find('\n', at);
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  return at;
}

void parse_queries(std::string_view text, std::vector<Query>& queries) {
  std::size_t at = find_mark(text, 0);
  while (at < text.size()) {
    const std::size_t line_end = std::min(text.find('\n', at), text.size());
    const std::string_view name = trimmed(text.substr(at + kMark.size(), line_end - at - kMark.size()));
    const std::size_t next = find_mark(text, line_end == text.size() ? line_end : line_end + 1);
    std::string_view body = trimmed(text.substr(line_end, next - line_end));
    if (body.ends_with(';')) body = trimmed(body.substr(0, body.size() - 1));
    queries.push_back({name, body});
    at = next;
  }
}

std::vector<Query> parse_all() {
  std::vector<Query> queries;
  for (const File& file : files_under("queries/")) parse_queries(file.text, queries);
  std::ranges::sort(queries, {}, &Query::name);
  const auto twice = std::ranges::adjacent_find(queries, {}, &Query::name);
  if (twice != queries.end())
    throw std::logic_error("sql/queries has two statements named " + std::string(twice->name));
  return queries;
}

}  // namespace

std::span<const File> migrations() {
  static const std::vector<File> files = files_under("migrations/");
  return files;
}

std::span<const File> api_files() {
  static const std::vector<File> files = files_under("api/");
  return files;
}

std::span<const Query> queries() {
  static const std::vector<Query> all = parse_all();
  return all;
}

const Query& query(std::string_view name) {
  const std::span<const Query> all = queries();
  const auto found = std::ranges::lower_bound(all, name, {}, &Query::name);
  if (found == all.end() || found->name != name) {
    throw std::logic_error("sql/queries has no statement named " + std::string(name));
  }
  return *found;
}

}  // namespace sluice::sql
