#include "core/service/metrics.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/service/process_metrics.h"

namespace sluice {
namespace {

TEST(Metrics, WritesEveryKindAsPrometheusText) {
  Metrics metrics;
  metrics.counters("sluice_tasks_total", "Tasks, by outcome.", {"outcome"}).with({"done"}).add(3);
  metrics.counters("sluice_tasks_total", "Tasks, by outcome.", {"outcome"}).with({"failed"}).add();
  metrics.gauge("sluice_lag_seconds", "How far behind.").set(1.5);
  Histogram& seconds = metrics.histograms("sluice_step_seconds", "A step.", {0.5, 1}, {"kind"}).with({"input"});
  for (const double value : {0.25, 0.5, 0.75, 4.0}) seconds.observe(value);
  EXPECT_EQ(metrics.text(),
            "# HELP sluice_lag_seconds How far behind.\n"
            "# TYPE sluice_lag_seconds gauge\n"
            "sluice_lag_seconds 1.5\n"
            "# HELP sluice_step_seconds A step.\n"
            "# TYPE sluice_step_seconds histogram\n"
            "sluice_step_seconds_bucket{kind=\"input\",le=\"0.5\"} 2\n"
            "sluice_step_seconds_bucket{kind=\"input\",le=\"1\"} 3\n"
            "sluice_step_seconds_bucket{kind=\"input\",le=\"+Inf\"} 4\n"
            "sluice_step_seconds_sum{kind=\"input\"} 5.5\n"
            "sluice_step_seconds_count{kind=\"input\"} 4\n"
            "# HELP sluice_tasks_total Tasks, by outcome.\n"
            "# TYPE sluice_tasks_total counter\n"
            "sluice_tasks_total{outcome=\"done\"} 3\n"
            "sluice_tasks_total{outcome=\"failed\"} 1\n");
}

TEST(Metrics, GivesTheSameMetricForTheSameNameAndLabels) {
  Metrics metrics;
  Counter& first = metrics.counters("sluice_a_total", "A.", {"k"}).with({"v"});
  EXPECT_EQ(&first, &metrics.counters("sluice_a_total", "A.", {"k"}).with({"v"}));
  EXPECT_NE(&first, &metrics.counters("sluice_a_total", "A.", {"k"}).with({"w"}));
  EXPECT_THROW(metrics.gauge("sluice_a_total", "A."), std::logic_error);
  EXPECT_THROW((void)metrics.counters("sluice_a_total", "A.", {"k"}).with({"v", "w"}), std::logic_error);
}

TEST(Metrics, DescribesWhatNothingWasCountedUnderYet) {
  Metrics metrics;
  (void)metrics.histograms("sluice_e_seconds", "E.", {1}, {"kind", "outcome"});
  metrics.gauge("sluice_f", "F.");
  const auto all = metrics.descriptions();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "sluice_e_seconds");
  EXPECT_EQ(all[0].kind, "histogram");
  EXPECT_EQ(all[0].help, "E.");
  EXPECT_EQ(all[0].labels, (std::vector<std::string>{"kind", "outcome"}));
  EXPECT_TRUE(all[1].labels.empty());
}

TEST(Metrics, EscapesLabelsAndHelp) {
  Metrics metrics;
  metrics.gauges("sluice_b", "One\nline \\ \"quoted\"", {"host"}).with({"a\"b\\c\nd"}).set(-1);
  EXPECT_EQ(metrics.text(),
            "# HELP sluice_b One\\nline \\\\ \"quoted\"\n# TYPE sluice_b gauge\n"
            "sluice_b{host=\"a\\\"b\\\\c\\nd\"} -1\n");
}

TEST(Metrics, BoundsTheNumberOfSeries) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) metrics.counters("sluice_c_total", "C.", {"id"}).with({std::to_string(i)}).add();
  EXPECT_EQ(metrics.counters("sluice_c_total", "C.", {"id"}).with({"other"}).value(), 4000);
}

TEST(Metrics, CollectorsRunBeforeTheTextIsWritten) {
  Metrics metrics;
  Gauge& gauge = metrics.gauge("sluice_d", "D.");
  metrics.on_collect([&gauge] { gauge.add(1); });
  EXPECT_NE(metrics.text().find("sluice_d 1\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("sluice_d 2\n"), std::string::npos);
}

TEST(ProcessMetrics, AreThere) {
  Metrics metrics;
  add_process_metrics(metrics);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("sluice_build_info{version=\"" SLUICE_VERSION "\"} 1\n"), std::string::npos);
  EXPECT_GT(metrics.gauge("sluice_process_resident_bytes", "").value(), 1 << 20);
  EXPECT_GE(metrics.gauge("sluice_process_open_descriptors", "").value(), 3);
}

}  // namespace
}  // namespace sluice
