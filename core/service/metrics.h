// Counters, gauges and histograms, written as Prometheus text (exposition format 0.0.4). For one thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

class Counter {
 public:
  void add(double amount = 1) noexcept { value_ += amount; }  // never negative
  [[nodiscard]] double value() const noexcept { return value_; }

 private:
  double value_ = 0;
};

class Gauge {
 public:
  void set(double value) noexcept { value_ = value; }
  void add(double amount) noexcept { value_ += amount; }
  [[nodiscard]] double value() const noexcept { return value_; }

 private:
  double value_ = 0;
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);  // upper bounds, ascending, without +Inf
  void observe(double value) noexcept;
  [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const noexcept { return counts_; }  // one more than bounds
  [[nodiscard]] double sum() const noexcept { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

// Bounds for durations in seconds, 0.5 ms to 60 s.
[[nodiscard]] std::vector<double> duration_bounds();

// The metrics of one name, told apart by the values of its labels.
template <typename Metric>
class Labelled {
 public:
  using Find = std::function<Metric&(const std::vector<std::string>& values)>;
  explicit Labelled(Find find) : find_(std::move(find)) {}

  // One value a label, in their order; std::logic_error when there are more or fewer. The reference lives as long as
  // the Metrics.
  [[nodiscard]] Metric& with(const std::vector<std::string>& values) const { return find_(values); }

 private:
  Find find_;
};

// What is known of a name before anything was counted under it.
struct MetricDescription {
  std::string name;
  std::string_view kind;  // counter, gauge or histogram
  std::string help;
  std::vector<std::string> labels;
};

// Owns the metrics; the references it gives live as long as it. Asking again for a name gives the same metric. Names
// are sluice_<subject>_<unit>; a name asked for as two kinds is std::logic_error. Values of labels come from a bounded
// set, never from what users write: each name keeps at most 1,000 series, further ones share one labelled "other".
// All names are asked for when a daemon starts, so that descriptions() is all there can be.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help);
  Gauge& gauge(std::string_view name, std::string_view help);
  Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds);

  Labelled<Counter> counters(std::string_view name, std::string_view help, std::vector<std::string> labels);
  Labelled<Gauge> gauges(std::string_view name, std::string_view help, std::vector<std::string> labels);
  Labelled<Histogram> histograms(std::string_view name, std::string_view help, std::vector<double> bounds,
                                 std::vector<std::string> labels);

  // Called before each text(), to set gauges that are read from elsewhere.
  void on_collect(std::function<void()> collect);

  [[nodiscard]] std::string text();
  [[nodiscard]] std::vector<MetricDescription> descriptions() const;  // by name

 private:
  struct Family;
  template <typename Metric, typename... Arguments>
  Labelled<Metric> family(std::string_view name, std::string_view help, std::vector<std::string> labels,
                          Arguments... arguments);

  std::map<std::string, Family, std::less<>> families_;
  std::vector<std::function<void()>> collectors_;
};

}  // namespace sluice
