// Parameters and results of every type, there and back.
#include <limits>

#include "core/base/errors.h"
#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

class Values : public PgTest {
 protected:
  std::unique_ptr<Connection> connection_ = connect();
};

const Timestamp kMoment = *parse_rfc3339("2026-01-02T03:04:05.678901Z");
const Timestamp kLongAgo = *parse_rfc3339("1969-07-20T20:17:40.000001Z");
const Uuid kUuid = *Uuid::parse("11111111-2222-3333-4444-aabbccddeeff");

TEST_F(Values, ScalarsComeBack) {
  const std::string unicode = "ключ 🎉 \"quoted\" \\ {a,b}\n";
  const std::string bytes("\0\xff\\x'", 5);
  auto document = parse_json(R"({"a":[1,2.5,null,"é"]})");
  const Result result = query(*connection_, "select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
                              Params()
                                  .boolean(true)
                                  .int4(std::numeric_limits<std::int32_t>::min())
                                  .int8(std::numeric_limits<std::int64_t>::max())
                                  .float8(0.1)
                                  .text(unicode)
                                  .bytea(bytes)
                                  .uuid(kUuid)
                                  .timestamptz(kMoment)
                                  .jsonb(*document)
                                  .timestamptz(kLongAgo));
  const Row row = result.one();
  EXPECT_TRUE(row.get<bool>(0));
  EXPECT_EQ(row.get<std::int32_t>(1), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(row.get<std::int64_t>(2), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(row.get<double>(3), 0.1);
  EXPECT_EQ(row.get<std::string_view>(4), unicode);
  EXPECT_EQ(row.bytes(5), bytes);
  EXPECT_EQ(row.get<Uuid>(6), kUuid);
  EXPECT_EQ(row.get<Timestamp>(7), kMoment);
  EXPECT_TRUE(equal(row.get<Json>(8), *document));
  EXPECT_EQ(row.get<Timestamp>(9), kLongAgo);
}

TEST_F(Values, NullsKeepTheirType) {
  const Result result =
      query(*connection_, "select $1 as a, $2 as b, pg_typeof($1)::text as ta, pg_typeof($2)::text as tb, $3 as c",
            Params().int8(std::nullopt).null(Type::kJsonb).jsonb(Json()));
  const Row row = result.one();
  EXPECT_TRUE(row.is_null("a"));
  EXPECT_EQ(row.get<std::optional<std::int64_t>>("a"), std::nullopt);
  EXPECT_EQ(row.text("ta"), "bigint");
  EXPECT_EQ(row.text("tb"), "jsonb");
  EXPECT_EQ(row.text("c"), "null");
}

TEST_F(Values, ArraysOfEveryTypeWithNulls) {
  const std::vector<std::optional<std::string>> texts{"a,b", std::nullopt, "", "NULL", "ключ 🎉", "\"\\{}"};
  const std::vector<std::optional<std::int32_t>> fours{1, std::nullopt, -1};
  const std::vector<bool> flags{true, false};
  const std::vector<std::optional<std::string>> documents{R"({"a":"ü"})", std::nullopt};
  const Result result =
      query(*connection_,
            "select array_to_json($1::int8[]), array_to_json($2::int4[]), array_to_json($3::text[]), "
            "array_to_json($4::jsonb[]),"
            " array_to_json($5::uuid[]), $6::timestamptz[] = array[timestamptz '2026-01-02 03:04:05.678901Z', null],"
            " array_to_json($7::bool[]), $8::bytea[] = array['\\x00ff'::bytea], array_to_json($9::float8[]), "
            "array_to_json($10::int8[])",
            Params()
                .int8_array(std::vector<std::int64_t>{1, std::numeric_limits<std::int64_t>::min()})
                .int4_array(fours)
                .text_array(texts)
                .jsonb_text_array(documents)
                .uuid_array(std::vector<std::optional<Uuid>>{kUuid, std::nullopt})
                .timestamptz_array(std::vector<std::optional<Timestamp>>{kMoment, std::nullopt})
                .boolean_array(flags)
                .bytea_array(std::vector<std::string>{std::string("\0\xff", 2)})
                .float8_array(std::vector<double>{0.5})
                .int8_array(std::vector<std::int64_t>{}));
  const Row row = result.one();
  EXPECT_EQ(row.text(0), "[1,-9223372036854775808]");
  EXPECT_EQ(row.text(1), "[1,null,-1]");
  EXPECT_EQ(row.text(2), R"(["a,b",null,"","NULL","ключ 🎉","\"\\{}"])");
  EXPECT_EQ(row.text(3), R"([{"a": "ü"},null])");
  EXPECT_EQ(row.text(4), R"(["11111111-2222-3333-4444-aabbccddeeff",null])");
  EXPECT_TRUE(row.get<bool>(5));
  EXPECT_EQ(row.text(6), "[true,false]");
  EXPECT_TRUE(row.get<bool>(7));
  EXPECT_EQ(row.text(8), "[0.5]");
  EXPECT_EQ(row.text(9), "[]");
}

TEST_F(Values, UnnestedArraysKeepTheirRows) {
  std::vector<std::int64_t> ids;
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) {
    ids.push_back(i);
    names.push_back("n" + std::to_string(i));
  }
  const Result result =
      query(*connection_, "select count(*), sum(id), bool_and(name = 'n' || id) from unnest($1, $2) as t(id, name)",
            Params().int8_array(ids).text_array(names));
  EXPECT_EQ(result.one().get<std::int64_t>(0), 5000);
  EXPECT_EQ(result.one().get<std::int64_t>(1), 12'497'500);
  EXPECT_TRUE(result.one().get<bool>(2));
}

TEST_F(Values, TextArraysAreRead) {
  const Result result =
      query(*connection_,
            R"(select array['a', '', 'b c', 'x,"y\', 'NULL', 'ü'], '{}'::text[], array['a', null], '{{a}}'::text[])");
  const Row row = result.one();
  EXPECT_EQ(row.get<std::vector<std::string>>(0), (std::vector<std::string>{"a", "", "b c", "x,\"y\\", "NULL", "ü"}));
  EXPECT_TRUE(row.get<std::vector<std::string>>(1).empty());
  EXPECT_THROW((void)row.get<std::vector<std::string>>(2), Error);
  EXPECT_THROW((void)row.get<std::vector<std::string>>(3), Error);
}

TEST_F(Values, MistakesNameTheColumn) {
  const Result result = query(*connection_, "select 'x' as word, null as gap");
  const Row row = result.one();
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(message([&] { (void)row.get<std::int32_t>("word"); }), "column word is no int4: 'x'");
  EXPECT_EQ(message([&] { (void)row.text("gap"); }), "column gap is null");
  EXPECT_EQ(message([&] { (void)row.text("absent"); }), "a result has no column absent");
  EXPECT_EQ(message([&] { (void)row.text(7); }), "a result has no column 7");
  EXPECT_EQ(message([&] { (void)result[1]; }), "row 1 of a result of 1");
}

TEST_F(Values, RowsAreCountedAndWalked) {
  (void)query(*connection_, "create table t as select generate_series(1, 3) as n");
  EXPECT_EQ(query(*connection_, "update t set n = n + 1 where n > 1").affected(), 2);
  EXPECT_EQ(query(*connection_, "drop table t").affected(), 0);
  int sum = 0;
  const Result rows = query(*connection_, "select generate_series(1, 4) as n");
  for (const Row row : rows) sum += row.get<std::int32_t>("n");
  EXPECT_EQ(sum, 10);
  EXPECT_THROW((void)rows.one(), Error);
}

}  // namespace
}  // namespace sluice::pg
