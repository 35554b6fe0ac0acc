// The hash of a state in C++ and in SQL, and what jsonb makes of numbers.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "core/base/canonical_json.h"
#include "tests/pg/pg_fixture.h"

namespace sluice::pg {
namespace {

// A JSON value with the numbers and characters that are easy to get wrong.
std::string random_json(std::mt19937_64& random, int depth) {
  const auto draw = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  static const std::vector<std::string> kAtoms{"null",
                                               "true",
                                               "0",
                                               "-0",
                                               "-0.0",
                                               "0.0",
                                               "1.50",
                                               "1.0e1",
                                               "1.50e1",
                                               "1e15",
                                               "1e16",
                                               "1E+21",
                                               "1e22",
                                               "1.5e300",
                                               "1e-4",
                                               "1e-5",
                                               "0.0001",
                                               "1.25e-7",
                                               "12345678901234567",
                                               "123456789012345678901234567890",
                                               "9007199254740993",
                                               "0.1",
                                               "123456.789e3",
                                               "-1e-10",
                                               "5e-324",
                                               "100",
                                               "\"\"",
                                               "\"é\"",
                                               "\"🎉\"",
                                               "\"\\u007f\\u0080\\u2028\"",
                                               "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"",
                                               "\"plain text\""};
  if (depth == 0 || draw(3) == 0) return kAtoms[static_cast<std::size_t>(draw(static_cast<int>(kAtoms.size())))];
  static const std::vector<std::string> kKeys{"a", "B", "b", "", "é", "～", "🎉", "a b", "\\\"", "zz", "z"};
  const bool object = draw(2) == 0;
  std::string text;
  for (int i = draw(5); i > 0; --i) {
    if (!text.empty()) text += ",";
    if (object) text += "\"" + kKeys[static_cast<std::size_t>(draw(static_cast<int>(kKeys.size())))] + "\":";
    text += random_json(random, depth - 1);
  }
  return object ? "{" + text + "}" : "[" + text + "]";
}

std::vector<std::string> samples(std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    auto value = parse_json(random_json(random, 4));
    EXPECT_TRUE(value);
    texts.push_back(to_text(*value));  // as a state is written
  }
  return texts;
}

class StateHash : public PgTest {
 protected:
  StateHash() : PgTest(test::TestDatabase::From::kTemplate) {}
  std::unique_ptr<Connection> connection_ = connect();
  std::uint64_t seed_ = from_environment("SLUICE_HASH_SEED", std::random_device{}());

  // SLUICE_HASH_DOCUMENTS=1000000 makes the test below a long one: ./dev hashes 1000000
  static std::uint64_t from_environment(const char* name, std::uint64_t fallback) {
    const char* text = std::getenv(name);
    return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
  }
};

TEST_F(StateHash, TheStoredFormFollowsJsonb) {
  const std::vector<std::string> texts = samples(seed_, 500);
  const Result stored =
      query(*connection_, "select t::jsonb::text from unnest($1) with ordinality as u(t, n) order by n",
            Params().text_array(texts));
  for (int i = 0; i < stored.rows(); ++i) {
    const std::string& text = texts[static_cast<std::size_t>(i)];
    // What jsonb prints has numbers as numeric prints them, so its canonical text is the one that the rule gives.
    const auto expected = canonical_json(stored[i].text(0));
    EXPECT_EQ(canonical_json_stored(*parse_json(text)), expected.value_or("none")) << text << " seed " << seed_;
  }
}

TEST_F(StateHash, EqualsTheOneInSql) {
  constexpr std::uint64_t kBatch = 5000;
  const std::uint64_t count = from_environment("SLUICE_HASH_DOCUMENTS", 500);
  RecordProperty("seed", std::to_string(seed_));
  std::uint64_t compared = 0;
  std::uint64_t bytes = 0;
  while (compared < count) {
    const std::vector<std::string> texts =
        samples(seed_ + compared, static_cast<int>(std::min(kBatch, count - compared)));
    const Result hashes = loop_.run(connection_->query(
        "select sluice.state_hash(t::jsonb) from unnest($1) with ordinality as u(t, n) order by n",
        Params().text_array(texts), in(std::chrono::minutes(5))));
    ASSERT_EQ(hashes.rows(), static_cast<int>(texts.size()));
    for (int i = 0; i < hashes.rows(); ++i) {
      const std::string& text = texts[static_cast<std::size_t>(i)];
      bytes += text.size();
      ASSERT_EQ(state_hash_stored(*parse_json(text)), hashes[i].text(0)) << text << " seed " << seed_;
    }
    compared += texts.size();
  }
  std::printf("%llu documents, %llu bytes, seed %llu\n", static_cast<unsigned long long>(compared),
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(seed_));
}

}  // namespace
}  // namespace sluice::pg
