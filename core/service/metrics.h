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

using Labels = std::vector<std::pair<std::string, std::string>>;

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

// Owns the metrics; the references it gives live as long as it. Asking again for a name and labels gives the same
// metric. Names are sluice_<subject>_<unit>; a name asked for as two kinds is std::logic_error. Labels come from a
// bounded set, never from what users write: each name keeps at most 1,000 series, further ones share one series
// labelled "other".
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                       const Labels& labels = {});

  // Called before each text(), to set gauges that are read from elsewhere.
  void on_collect(std::function<void()> collect);

  [[nodiscard]] std::string text();

 private:
  struct Family;
  template <typename Metric, typename... Arguments>
  Metric& find_or_make(std::string_view name, std::string_view help, const Labels& labels,
                       const Arguments&... arguments);

  std::map<std::string, Family, std::less<>> families_;
  std::vector<std::function<void()>> collectors_;
};

}  // namespace sluice
