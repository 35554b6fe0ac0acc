// The project's input/output cases: templates, conditions, response mapping.
#include "core/flow/eval.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

Json request(std::initializer_list<std::pair<const char*, const Json*>> members) {
  Json object = make_object();
  for (const auto& [name, value] : members) set(object, name, clone(*value));
  return object;
}

TEST(SharedCases, Templates) {
  const Json file = shared_cases("templates.json");
  if (file.IsNull()) GTEST_SKIP() << "../shared/cases is not beside the source tree";
  int checked = 0;
  for (const auto& entry : file["cases"].GetArray()) {
    for (const char* mode : {"keep", "drop", "value"}) {
      Json ask = request({{"state", &file["state"]}, {"template", &entry["template"]}});
      set(ask, "mode", std::string_view(mode));
      const Json got = eval_template(ask);
      EXPECT_TRUE(equal(got["result"], entry[mode])) << to_text(entry) << " in mode " << mode << ": " << to_text(got);
      ++checked;
    }
  }
  EXPECT_GE(checked, 100);
}

TEST(SharedCases, Conditions) {
  const Json file = shared_cases("conditions.json");
  if (file.IsNull()) GTEST_SKIP() << "../shared/cases is not beside the source tree";
  int checked = 0;
  for (const auto& entry : file["cases"].GetArray()) {
    const Json got = eval_condition(request({{"state", &file["state"]}, {"if", &entry["if"]}}));
    EXPECT_TRUE(equal(got["result"], entry["expect"])) << to_text(entry) << ": " << to_text(got);
    ++checked;
  }
  EXPECT_GE(checked, 38);
}

TEST(SharedCases, ResponseMapping) {
  const Json file = shared_cases("response_mapping.json");
  if (file.IsNull()) GTEST_SKIP() << "../shared/cases is not beside the source tree";
  int checked = 0;
  for (const auto& entry : file["cases"].GetArray()) {
    const Json got = eval_mapping(request({{"mapping", &entry["mapping"]}, {"body", &file["body"]}}));
    EXPECT_TRUE(equal(got["result"], entry["expect"])) << to_text(entry) << ": " << to_text(got);
    ++checked;
  }
  EXPECT_GE(checked, 9);
}

}  // namespace
}  // namespace sluice::flow
