// The metrics reference: what each daemon registers when it starts, asked of the same classes.
#include <fmt/format.h>

#include <iterator>
#include <set>

#include "cli/reference.h"
#include "core/service/doorbell_metrics.h"
#include "core/service/process_metrics.h"
#include "listener/listener_metrics.h"
#include "notifier/notifier_metrics.h"
#include "workers/worker_metrics.h"

namespace sluice::cli {
namespace {

void write_section(std::string& out, std::string_view title, std::string_view about, const Metrics& metrics) {
  fmt::format_to(std::back_inserter(out),
                 "\n## {}\n\n{}\n\n| name | kind | labels | meaning |\n| --- | --- | --- | --- |\n", title, about);
  for (const MetricDescription& metric : metrics.descriptions()) {
    fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} |\n", metric.name, metric.kind,
                   fmt::join(metric.labels, ", "), metric.help);
  }
}

template <typename Own>
void write_daemon(std::string& out, std::string_view title, std::string_view about, const std::string& flag) {
  Metrics metrics;
  const Own own(metrics);
  const DoorbellMetrics doorbell(metrics, flag);
  write_section(out, title, about, metrics);
}

}  // namespace

std::string metrics_reference() {
  std::string out =
      "# Metrics reference\n\n"
      "Each daemon serves these at `/metrics` of its `metrics.listen`, as Prometheus text (exposition format 0.0.4); "
      "`sluice up` "
      "serves those of all three. A histogram `NAME` has the series `NAME_bucket`, `NAME_sum` and `NAME_count`. Values "
      "of labels "
      "come from bounded sets, and a name keeps at most 1,000 series.\n";
  Metrics process;
  add_process_metrics(process);
  write_section(out, "Every daemon", "The process itself.", process);
  write_daemon<listener::ListenerMetrics>(out, "Listener", "`consumer` is the name of a consumer of events.", "events");
  write_daemon<workers::WorkerMetrics>(
      out, "Worker",
      "`kind` is that of the task: start, input, action, webhook, timer, http or sql. `outcome` is how it ended.",
      "tasks");
  write_daemon<notifier::NotifierMetrics>(
      out, "Notifier",
      "`outcome` is delivered, retry, dead, deferred, interrupted or lost; `error` is the class of the error, or none.",
      "deliveries");
  return out;
}

}  // namespace sluice::cli
