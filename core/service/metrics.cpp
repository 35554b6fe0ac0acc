#include "core/service/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <variant>

namespace sluice {
namespace {

constexpr std::size_t kMaxSeries = 1000;
constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram"};  // by index of the variant

std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '"' && quotes) {
      result += "\\\"";
    } else {
      result += c;
    }
  }
  return result;
}

// a="b",c="d"
std::string label_text(const std::vector<std::string>& names, const std::vector<std::string>& values) {
  std::string result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    fmt::format_to(std::back_inserter(result), "{}{}=\"{}\"", result.empty() ? "" : ",", names[i],
                   escaped(values[i], true));
  }
  return result;
}

void write(std::string& out, std::string_view name, std::string_view labels, double value) {
  if (labels.empty()) {
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
  } else {
    fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, value);
  }
}

void write(std::string& out, const std::string& name, const std::string& labels, const Histogram& histogram) {
  const std::string before = labels.empty() ? "" : labels + ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    total += histogram.counts()[i];
    const std::string bound = i < histogram.bounds().size() ? fmt::format("{}", histogram.bounds()[i]) : "+Inf";
    write(out, name + "_bucket", fmt::format("{}le=\"{}\"", before, bound), static_cast<double>(total));
  }
  write(out, name + "_sum", labels, histogram.sum());
  write(out, name + "_count", labels, static_cast<double>(total));
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) noexcept {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)] += 1;
  sum_ += value;
}

std::vector<double> duration_bounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

struct Metrics::Family {
  using Series = std::variant<Counter, Gauge, Histogram>;
  std::string help;
  std::vector<std::string> labels;
  Series fresh;
  std::map<std::vector<std::string>, Series> series;  // by the labels' values

  Series& with(const std::vector<std::string>& values) {
    if (values.size() != labels.size()) throw std::logic_error("a metric has other labels: " + help);
    if (const auto found = series.find(values); found != series.end()) return found->second;
    const bool full = series.size() >= kMaxSeries;
    return series.try_emplace(full ? std::vector<std::string>(labels.size(), "other") : values, fresh).first->second;
  }
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

template <typename Metric, typename... Arguments>
Labelled<Metric> Metrics::family(std::string_view name, std::string_view help, std::vector<std::string> labels,
                                 Arguments... arguments) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_
                .emplace(std::string(name), Family{std::string(help),
                                                   std::move(labels),
                                                   Family::Series(std::in_place_type<Metric>, std::move(arguments)...),
                                                   {}})
                .first;
  }
  Family& family = found->second;
  if (!std::holds_alternative<Metric>(family.fresh)) {
    throw std::logic_error("metric " + std::string(name) + " has two kinds");
  }
  return Labelled<Metric>(
      [&family](const std::vector<std::string>& values) -> Metric& { return std::get<Metric>(family.with(values)); });
}

Counter& Metrics::counter(std::string_view name, std::string_view help) {
  return family<Counter>(name, help, {}).with({});
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help) {
  return family<Gauge>(name, help, {}).with({});
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds) {
  return family<Histogram>(name, help, {}, bounds).with({});
}

Labelled<Counter> Metrics::counters(std::string_view name, std::string_view help, std::vector<std::string> labels) {
  return family<Counter>(name, help, std::move(labels));
}

Labelled<Gauge> Metrics::gauges(std::string_view name, std::string_view help, std::vector<std::string> labels) {
  return family<Gauge>(name, help, std::move(labels));
}

Labelled<Histogram> Metrics::histograms(std::string_view name, std::string_view help, std::vector<double> bounds,
                                        std::vector<std::string> labels) {
  return family<Histogram>(name, help, std::move(labels), std::move(bounds));
}

void Metrics::on_collect(std::function<void()> collect) {
  collectors_.push_back(std::move(collect));
}

std::string Metrics::text() {
  for (const auto& collect : collectors_) collect();
  std::string out;
  for (const auto& [name, family] : families_) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help, false), name,
                   kKinds[family.fresh.index()]);
    for (const auto& [values, series] : family.series) {
      const std::string labels = label_text(family.labels, values);
      if (const auto* histogram = std::get_if<Histogram>(&series)) {
        write(out, name, labels, *histogram);
      } else if (const auto* counter = std::get_if<Counter>(&series)) {
        write(out, name, labels, counter->value());
      } else {
        write(out, name, labels, std::get<Gauge>(series).value());
      }
    }
  }
  return out;
}

std::vector<MetricDescription> Metrics::descriptions() const {
  std::vector<MetricDescription> all;
  all.reserve(families_.size());
  for (const auto& [name, family] : families_) {
    all.push_back({name, kKinds[family.fresh.index()], family.help, family.labels});
  }
  return all;
}

}  // namespace sluice
