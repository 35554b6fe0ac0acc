#include "core/service/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sluice {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident_pages = 0;
  statm >> pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double open_descriptors() {
  std::error_code error;  // out of descriptors is when this is looked at: count nothing rather than fail
  double count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    count += 1;
  }
  return count;
}

}  // namespace

void add_process_metrics(Metrics& metrics) {
  metrics.gauges("sluice_build_info", "Always 1; the version is the label.", {"version"}).with({SLUICE_VERSION}).set(1);
  Gauge& resident = metrics.gauge("sluice_process_resident_bytes", "Memory of the process that is in RAM.");
  Gauge& descriptors = metrics.gauge("sluice_process_open_descriptors", "Descriptors that the process has open.");
  Counter& cpu = metrics.counter("sluice_process_cpu_seconds_total", "Processor time, user and system.");
  metrics.on_collect([&resident, &descriptors, &cpu] {
    resident.set(resident_bytes());
    descriptors.set(open_descriptors());
    cpu.add(cpu_seconds() - cpu.value());
  });
}

}  // namespace sluice
