#include "core/base/log.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/base/json.h"

namespace sluice {
namespace {

std::string line(LogFormat format, std::string_view message, std::initializer_list<LogField> fields) {
  return format_log_line(
      {std::chrono::system_clock::time_point{}, LogLevel::kWarn, message, {fields.begin(), fields.size()}}, format);
}

class LogSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink([this](const LogEvent& event) { seen_.emplace_back(event.message); });
  }
  void TearDown() override {
    set_log_sink({});
    configure_log(LogLevel::kInfo, LogFormat::kText);
  }
  std::vector<std::string> seen_;
};

TEST(Log, TextLineHasTimeLevelMessageAndFields) {
  const std::string worker = "w 1";
  EXPECT_EQ(
      line(LogFormat::kText, "claimed tasks",
           {{"count", 3}, {"worker", worker}, {"share", 0.5}, {"hot", true}, {"id", std::uint64_t{1}}, {"none", ""}}),
      "1970-01-01T00:00:00.000000Z warn  claimed tasks count=3 worker=\"w 1\" share=0.5 hot=true id=1 none=\"\"");
}

TEST(Log, NoValueForgesALineOrAField) {
  const std::string text =
      line(LogFormat::kText, "bad\nname", {{"value", "x\" level=error\r\n2026 error\x1b[31m\x7f\xc2\x9b\xff\u2028"}});
  EXPECT_EQ(
      text,
      R"(1970-01-01T00:00:00.000000Z warn  bad\nname value="x\" level=error\r\n2026 error\u001b[31m\u007f\u009b\xff\u2028")");
}

// A terminal that shows them would let a value stand where the level or another field is.
TEST(Log, NoValueTurnsTheOrderOfWhatIsRead) {
  for (const std::string_view turn : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
      const std::string text = line(format, turn, {{turn, turn}});
      EXPECT_EQ(text.find(turn), std::string::npos) << text;
      EXPECT_NE(text.find("\\u"), std::string::npos) << text;
    }
  }
}

TEST(Log, JsonLineIsOneJsonObject) {
  const std::string text =
      line(LogFormat::kJson, "a \"b\"\n",
           {{"text", "é\x01\xff"}, {"n", -1}, {"ratio", std::numeric_limits<double>::quiet_NaN()}});
  const auto value = parse_json(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(string_member(*value, "level"), "warn");
  EXPECT_EQ(string_member(*value, "message"), "a \"b\"\n");
  EXPECT_EQ(string_member(*value, "text"), "é\x01\xEF\xBF\xBD");
  EXPECT_EQ(find(*value, "n")->GetInt(), -1);
  EXPECT_TRUE(find(*value, "ratio")->IsNull());
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST_F(LogSinkTest, TakesEventsAtOrAboveTheLevel) {
  configure_log(LogLevel::kWarn, LogFormat::kText);
  log_info("quiet");
  log_warn("first");
  log_error("second", {{"code", 1}});
  configure_log(LogLevel::kDebug, LogFormat::kText);
  log_debug("third");
  EXPECT_EQ(seen_, (std::vector<std::string>{"first", "second", "third"}));
}

TEST(Log, NamesOfLevelsAndFormats) {
  EXPECT_EQ(log_level_from("error"), LogLevel::kError);
  EXPECT_EQ(log_level_from("loud"), std::nullopt);
  EXPECT_EQ(log_format_from("json"), LogFormat::kJson);
  EXPECT_EQ(log_format_from("xml"), std::nullopt);
}

}  // namespace
}  // namespace sluice
