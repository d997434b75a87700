#include "proxy/admin/process_metrics.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace wherry::admin {
namespace {

/// The fields of /proc/self/stat from the third on; the second is a name in brackets that may hold
/// anything (proc(5)).
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t after_name = line.rfind(')');
  if (after_name == std::string::npos) return {};
  std::istringstream rest(line.substr(after_name + 3));  // ") S ": the state is a letter
  return {std::istream_iterator<double>(rest), std::istream_iterator<double>()};
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

double count_open_fds() {
  std::error_code error;
  const std::filesystem::directory_iterator fds("/proc/self/fd", error);
  // One of them is the listing's own.
  return error ? 0 : static_cast<double>(std::distance(begin(fds), end(fds)) - 1);
}

}  // namespace

void collect_process_metrics(MetricFamilies& into) {
  const std::vector<double> stat = stat_fields();
  // Fields of proc(5), counted from the fourth, which is the first here: utime is 14, stime 15,
  // num_threads 20, starttime 22, vsize 23, rss 24.
  const auto field = [&stat](std::size_t number) {
    return number - 4 < stat.size() ? stat[number - 4] : 0.0;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);

  using enum MetricKind;
  into.push_back(single_metric("process_cpu_seconds_total",
                               "Total user and system CPU time spent in seconds.", Counter,
                               (field(14) + field(15)) / ticks));
  into.push_back(single_metric("process_resident_memory_bytes", "Resident memory size in bytes.",
                               Gauge, field(24) * page));
  into.push_back(single_metric("process_virtual_memory_bytes", "Virtual memory size in bytes.",
                               Gauge, field(23)));
  into.push_back(single_metric("process_open_fds", "Number of open file descriptors.", Gauge,
                               count_open_fds()));
  into.push_back(single_metric("process_max_fds", "Maximum number of open file descriptors.", Gauge,
                               static_cast<double>(descriptors.rlim_cur)));
  into.push_back(single_metric("process_start_time_seconds",
                               "Start time of the process since unix epoch in seconds.", Gauge,
                               boot_time() + field(22) / ticks));
  into.push_back(single_metric("process_threads", "Number of threads.", Gauge, field(20)));
}

}  // namespace wherry::admin
