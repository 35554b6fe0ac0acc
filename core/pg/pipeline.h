// Statements that go to the server together.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pg/params.h"

namespace sluice::pg {

// A statement with a name: prepared once a connection, on first use. Both texts are static (embedded SQL, literals).
// Anything with the members `name` and `text` converts, so that sql::query("claim_tasks") can be given wherever a
// Statement is wanted.
struct Statement {
  std::string_view name;
  std::string_view text;

  constexpr Statement(std::string_view statement_name, std::string_view statement_text)
      : name(statement_name), text(statement_text) {}
  template <typename Named>
    requires requires(const Named& named) {
      { named.name } -> std::convertible_to<std::string_view>;
      { named.text } -> std::convertible_to<std::string_view>;
    }
  constexpr Statement(const Named& named) : name(named.name), text(named.text) {}
};

// An order of statements for Connection::run(), in one round trip with one sync. Without `begin` among them they are
// one implicit transaction: all take effect or none does. After the first error the server skips the rest.
class Pipeline {
 public:
  Pipeline& add(const Statement& statement, Params params = {}) {
    entries_.push_back({std::string(statement.name), std::string(statement.text), std::move(params)});
    return *this;
  }
  // One statement that is parsed anew each time: begin, commit, and what is rare.
  Pipeline& add(std::string_view sql, Params params = {}) {
    entries_.push_back({{}, std::string(sql), std::move(params)});
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  friend class Connection;
  struct Entry {
    std::string name;  // empty: unnamed
    std::string sql;
    Params params;
  };
  std::vector<Entry> entries_;
};

}  // namespace sluice::pg
