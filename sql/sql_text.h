// The embedded SQL: migrations, API files, and the daemons' queries by name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::sql {

// A file of sql/; the path is relative to that folder.
struct File {
  std::string_view path;
  std::string_view text;
};

// migrations/NNNN_subject.sql and api/*.sql, each in the order of their names.
[[nodiscard]] std::span<const File> migrations();
[[nodiscard]] std::span<const File> api_files();

// One statement of queries/*.sql: what follows a line `-- name: claim_tasks` up to the next such line or the file's
// end, without the final semicolon. Names are unique over all files.
struct Query {
  std::string_view name;
  std::string_view text;
};

// Parsed once, at first use. Throws std::logic_error for a name that does not exist, which is a mistake in the program.
[[nodiscard]] const Query& query(std::string_view name);
[[nodiscard]] std::span<const Query> queries();  // by name

}  // namespace sluice::sql
