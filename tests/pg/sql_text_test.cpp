#include "sql/sql_text.h"

#include <set>

#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

class SqlText : public PgTest {
 protected:
  SqlText() : PgTest(test::TestDatabase::From::kTemplate) {}
  std::unique_ptr<Connection> connection_ = connect();
};

TEST_F(SqlText, EveryNamedStatementIsAcceptedByTheMigratedSchema) {
  for (const sql::Query& named : sql::queries()) {
    EXPECT_EQ(sql::query(named.name).text, named.text);
    try {
      (void)query(*connection_, "prepare accepted as " + std::string(named.text));
      (void)query(*connection_, "deallocate accepted");
    } catch (const PgError& error) {
      // The daemons say what type each parameter has; here one may be left open.
      EXPECT_EQ(error.sqlstate(), "42P18")
          << named.name << ": " << error.what() << " at character " << error.fields().position - 20;
    }
  }
}

TEST_F(SqlText, AnUnknownNameIsAMistakeInTheProgram) {
  EXPECT_THROW((void)sql::query("no such statement"), std::logic_error);
  std::set<std::string_view> files;
  for (const sql::File& file : sql::migrations()) files.insert(file.path);
  EXPECT_EQ(files.size(), sql::migrations().size());
}

}  // namespace
}  // namespace sluice::pg
