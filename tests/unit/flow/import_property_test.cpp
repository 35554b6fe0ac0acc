// What holds for documents of every format, however they are broken: importing ends, what comes out is stable under
// import and export, and judging it ends. The documents are the fuzzer's kept ones and the shared flows; a failure
// names the seed, and SLUICE_SEED repeats it.
#include <cstdlib>
#include <random>
#include <set>

#include "core/base/crypto.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/unit/flow/import_fixture.h"

namespace sluice::flow {
namespace {

struct Sample {
  Format format;
  std::string text;
};

std::vector<Sample> kept_documents() {
  std::vector<Sample> samples;
  std::ifstream corpus(SLUICE_SOURCE_DIR "/tests/fuzz/corpus/import.base64");
  for (std::string line; std::getline(corpus, line);) {
    const auto input = base64_decode(line);
    if (input && input->size() > 1 && parse_json(input->substr(1)))
      samples.push_back({static_cast<Format>(static_cast<unsigned char>(input->front()) % 5), input->substr(1)});
  }
  return samples;
}

unsigned chosen_seed() {
  const char* given = std::getenv("SLUICE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

void expect_import_is_stable(const Json& document, Format format) {
  const Imported first = import_flow(document, format);
  const Imported second = import_flow(first.flow, Format::kSluice);
  const Imported third = import_flow(second.flow, Format::kSluice);
  ASSERT_EQ(to_text(third.flow), to_text(second.flow)) << to_text(format) << ": " << to_text(document);
  (void)validate(first.flow);
}

TEST(ImportProperty, BrokenDocumentsOfEveryFormatImportStably) {
  const std::vector<Sample> samples = kept_documents();
  ASSERT_FALSE(samples.empty());
  std::set<Format> formats;
  for (const Sample& sample : samples) formats.insert(sample.format);
  EXPECT_EQ(formats.size(), 5U);
  const unsigned seed = chosen_seed();
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
  fuzz::Dice dice(seed);
  for (int round = 0; round < 300; ++round) {
    const Sample& sample = samples[dice() % samples.size()];
    Json document = json(sample.text);
    fuzz::mutate(document, dice);
    ASSERT_NO_FATAL_FAILURE(expect_import_is_stable(document, sample.format));
  }
}

class SharedFlow : public testing::TestWithParam<std::pair<const char*, Format>> {};

TEST_P(SharedFlow, ImportsStablyHoweverItIsBroken) {
  const auto [name, format] = GetParam();
  const Json whole = shared_flow(name);
  if (whole.IsNull()) GTEST_SKIP() << "the shared flows are not beside the source tree";
  expect_stable(import_flow(whole, format).flow);
  const unsigned seed = chosen_seed();
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
  fuzz::Dice dice(seed);
  for (int round = 0; round < 5; ++round) {
    Json document = clone(whole);
    for (int more = 0; more < 10; ++more) fuzz::mutate(document, dice);
    ASSERT_NO_FATAL_FAILURE(expect_import_is_stable(document, format));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SharedFlow,
                         testing::Values(std::pair("typebot/lead-scoring.json", Format::kTypebot),
                                         std::pair("typebot/nps.json", Format::kTypebot),
                                         std::pair("typebot/quiz.json", Format::kTypebot),
                                         std::pair("typebot/product-recommendation.json", Format::kTypebot),
                                         std::pair("typebot/test-chat-linkedBot.json", Format::kTypebot),
                                         std::pair("typebot/test-chat-main.json", Format::kTypebot),
                                         std::pair("watson/bank_simple_workspace.json", Format::kWatson)));

}  // namespace
}  // namespace sluice::flow
