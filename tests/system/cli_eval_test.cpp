// sluice eval through the binary: every shared case, and what happens to lines that cannot be evaluated.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/system/cli_fixture.h"

namespace sluice::test {
namespace {

// The parsed file of ../shared/cases, or null.
Json shared_cases(const std::string& name) {
  std::ifstream file(SLUICE_SOURCE_DIR "/../shared/cases/" + name, std::ios::binary);
  if (!file) return {};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto document = parse_json(text);
  EXPECT_TRUE(document) << name;
  return document ? std::move(*document) : Json();
}

constexpr std::string_view kAbsent = "../shared/cases is not beside the source tree";

std::vector<Json> evaluated(const std::string& kind, const std::vector<Json>& requests) {
  std::string input;
  for (const Json& request : requests) input += to_text(request) + "\n";
  const Outcome outcome = run_sluice({"eval", kind, "--dsn", "postgresql://nobody@127.0.0.1:1/none"}, input);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  std::vector<Json> answers = json_lines(outcome.out);
  EXPECT_EQ(answers.size(), requests.size());
  answers.resize(requests.size());
  return answers;
}

Json request_of(std::initializer_list<std::pair<std::string_view, const Json*>> members) {
  Json request = make_object();
  for (const auto& [name, value] : members) {
    if (value != nullptr) set(request, name, clone(*value));
  }
  return request;
}

TEST(CliEval, EverySharedCondition) {
  const Json file = shared_cases("conditions.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  for (const Json& each : file["cases"].GetArray())
    requests.push_back(request_of({{"state", find(file, "state")}, {"if", find(each, "if")}}));
  const std::vector<Json> answers = evaluated("condition", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& expected = file["cases"][static_cast<unsigned>(i)]["expect"];
    const Json* result = find(answers[i], "result");
    EXPECT_TRUE(result != nullptr && equal(*result, expected)) << to_text(requests[i]) << "\n" << to_text(answers[i]);
  }
  EXPECT_GT(answers.size(), 30U);
}

TEST(CliEval, EverySharedTemplateInEachMode) {
  const Json file = shared_cases("templates.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  std::vector<const Json*> expected;
  for (const Json& each : file["cases"].GetArray()) {
    for (const std::string_view mode : {"keep", "drop", "value"}) {
      const Json* wanted = find(each, mode);
      if (wanted == nullptr) continue;
      const Json* state = find(each, "state");
      requests.push_back(request_of(
          {{"state", state != nullptr ? state : find(file, "state")}, {"template", find(each, "template")}}));
      set(requests.back(), "mode", mode);
      expected.push_back(wanted);
    }
  }
  const std::vector<Json> answers = evaluated("template", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json* result = find(answers[i], "result");
    EXPECT_TRUE(result != nullptr && equal(*result, *expected[i])) << to_text(requests[i]) << "\n"
                                                                   << to_text(answers[i]);
  }
  EXPECT_GT(answers.size(), 60U);
}

TEST(CliEval, EverySharedMapping) {
  const Json file = shared_cases("response_mapping.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  for (const Json& each : file["cases"].GetArray()) {
    const Json* body = find(each, "body");
    requests.push_back(request_of({{"mapping", find(each, "mapping")},
                                   {"body", body != nullptr ? body : find(file, "body")},
                                   {"kind", find(each, "kind")}}));
  }
  const std::vector<Json> answers = evaluated("mapping", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json* result = find(answers[i], "result");
    EXPECT_TRUE(result != nullptr && equal(*result, file["cases"][static_cast<unsigned>(i)]["expect"]))
        << to_text(requests[i]) << "\n"
        << to_text(answers[i]);
  }
  EXPECT_GE(answers.size(), 9U);
}

TEST(CliEval, EverySharedHash) {
  const Json file = shared_cases("state_hash.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  for (const Json& each : file["cases"].GetArray())
    requests.push_back(request_of({{"json", find(each, "state_json_text")}}));
  const std::vector<Json> answers = evaluated("hash", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& each = file["cases"][static_cast<unsigned>(i)];
    EXPECT_EQ(string_member(answers[i], "canonical"), string_member(each, "canonical"));
    EXPECT_EQ(string_member(answers[i], "hash"), string_member(each, "state_hash"));
  }
}

TEST(CliEval, EverySharedSignature) {
  const Json file = shared_cases("hmac.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  std::vector<std::pair<std::string_view, std::string>> expected;
  for (const Json& each : file["cases"].GetArray()) {
    requests.push_back(request_of({{"secret", find(each, "secret")},
                                   {"body", find(each, "body")},
                                   {"id", find(each, "webhook-id")},
                                   {"timestamp", find(each, "webhook-timestamp")}}));
    const std::string_view standard = string_member(each, "webhook-signature");
    const std::string_view legacy = string_member(each, "X-Webhook-Signature");
    expected.emplace_back(standard.empty() ? "x-webhook-signature" : "webhook-signature",
                          standard.empty() ? legacy : standard);
    EXPECT_FALSE(expected.back().second.empty()) << to_text(each);
  }
  const std::vector<Json> answers = evaluated("sign", requests);
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(string_member(answers[i], expected[i].first), expected[i].second) << to_text(answers[i]);
}

// Values in the typed notation, of which a map's pairs have no order and a double may be written in several ways.
bool same_value(const Json& expected, const Json& actual) {
  if (expected.IsArray() && actual.IsArray() && expected.Size() == actual.Size()) {
    for (unsigned i = 0; i < expected.Size(); ++i) {
      if (!same_value(expected[i], actual[i])) return false;
    }
    return true;
  }
  if (!expected.IsObject() || !actual.IsObject() || expected.MemberCount() != 1) return equal(expected, actual);
  const auto& member = *expected.MemberBegin();
  const Json* other = find(actual, text_of(member.name));
  if (other == nullptr) return false;
  if (text_of(member.name) != "map") return same_value(member.value, *other);
  if (!other->IsArray() || other->Size() != member.value.Size()) return false;
  return std::ranges::all_of(member.value.GetArray(), [&](const Json& pair) {
    return std::ranges::any_of(other->GetArray(), [&](const Json& candidate) { return same_value(pair, candidate); });
  });
}

TEST(CliEval, EveryConformanceCaseOfCel) {
  const Json file = shared_cases("cel_conformance.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  std::vector<const Json*> expected;
  for (const auto& section : file["cases"].GetObject()) {
    for (const Json& each : section.value.GetArray()) {
      requests.push_back(request_of({{"expr", find(each, "expr")}, {"bindings", find(each, "bindings")}}));
      expected.push_back(find(each, "expect"));
    }
  }
  const std::vector<Json> answers = evaluated("cel", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json* result = find(answers[i], "result");
    const bool fails = find(*expected[i], "error") != nullptr;
    EXPECT_TRUE(fails ? result == nullptr && find(answers[i], "error") != nullptr
                      : result != nullptr && same_value(*expected[i], *result))
        << to_text(requests[i]) << "\n  expected " << to_text(*expected[i]) << "\n  got " << to_text(answers[i]);
  }
  EXPECT_GT(answers.size(), 1000U);
}

TEST(CliEval, EverySharedAggregate) {
  const Json file = shared_cases("cel_aggregates.json");
  if (file.IsNull()) GTEST_SKIP() << kAbsent;
  std::vector<Json> requests;
  for (const Json& each : file["cases"].GetArray())
    requests.push_back(request_of({{"expr", find(each, "expr")}, {"ctx", find(each, "ctx")}}));
  const std::vector<Json> answers = evaluated("cel", requests);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& each = file["cases"][static_cast<unsigned>(i)];
    const Json* wanted = find(each, "out");
    const Json* result = find(answers[i], "result");
    EXPECT_TRUE(wanted == nullptr ? result == nullptr : result != nullptr && equal(*result, *wanted))
        << to_text(each) << "\n"
        << to_text(answers[i]);
  }
}

TEST(CliEval, OneBadLineDoesNotStopTheNext) {
  const Outcome outcome = run_sluice(
      {"eval", "cel"},
      "{\"expr\": \"1 +\"}\nno json\n[1]\n\n{\"expr\": \"1 + 1\"}\n{\"expr\": \"1 / 0\"}\n{\"expr\": \"2 * 2\"}");
  EXPECT_EQ(outcome.code, 0);
  const std::vector<Json> answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 6U) << outcome.out;
  for (const std::size_t bad : {0U, 1U, 2U, 4U})
    EXPECT_NE(find(answers[bad], "error"), nullptr) << to_text(answers[bad]);
  EXPECT_EQ(to_text(answers[3]), "{\"result\":2}");
  EXPECT_EQ(to_text(answers[5]), "{\"result\":4}");
}

TEST(CliEval, SignsByTheStandardsOwnVector) {
  const std::string body = R"("body":"{\"test\": 2432232314}")";
  const std::vector<Json> answers = json_lines(
      run_sluice(
          {"eval", "sign"},
          fmt::format(
              R"({{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","id":"msg_p5jXN8AQM9LWM0D4loKWxJek","timestamp":1614265330,{0}}}
{{"secret":"","id":"a","timestamp":1,{0}}}
{{"secret":"whsec_short","id":"a","timestamp":1,{0}}}
{{"secret":"plain",{0}}}
{{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","id":"a.b","timestamp":1,{0}}})",
              body))
          .out);
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(string_member(answers[0], "webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  for (const std::size_t bad : {1U, 2U, 4U}) EXPECT_NE(find(answers[bad], "error"), nullptr) << to_text(answers[bad]);
  EXPECT_TRUE(find(answers[3], "webhook-signature")->IsNull());
  EXPECT_THAT(std::string(string_member(answers[3], "x-webhook-signature")), testing::StartsWith("sha256="));
}

TEST(CliEval, JudgesUrlsAsTheClientDoes) {
  const std::string lines =
      "{\"url\":\"http://2130706433/\"}\n{\"url\":\"https://user@example.com/\"}\n{\"url\":\"https://example.com:22/"
      "\"}\n"
      "{\"url\":\"https://93.184.216.34/\"}\n{\"url\":\"http://localhost/\"}\n{\"url\":7}\n";
  const std::vector<Json> answers = json_lines(run_sluice({"eval", "url"}, lines).out);
  ASSERT_EQ(answers.size(), 6U);
  for (const std::size_t refused : {0U, 1U, 2U, 4U}) {
    EXPECT_TRUE(find(answers[refused], "allowed")->IsFalse()) << to_text(answers[refused]);
    EXPECT_FALSE(string_member(answers[refused], "reason").empty()) << to_text(answers[refused]);
  }
  EXPECT_TRUE(find(answers[3], "allowed")->IsTrue()) << to_text(answers[3]);
  EXPECT_NE(find(answers[5], "error"), nullptr);

  const std::vector<Json> opened = json_lines(
      run_sluice({"eval", "url", "--http.allow_networks", "127.0.0.0/8"}, "{\"url\":\"http://2130706433/\"}\n").out);
  EXPECT_TRUE(find(opened.at(0), "allowed")->IsTrue());
}

}  // namespace
}  // namespace sluice::test
