#pragma once

#include "base/duration.h"
#include "base/metrics.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace wherry::api {

/// Counts requests to an API server under the names and with the buckets of client-go's
/// rest_client_*, which dashboards know. Control thread only.
class RestMetrics {
 public:
  explicit RestMetrics(std::string host);

  /// A request has been answered with this status; 0: it was not, "<error>" in client-go's words.
  void count_answer(int status, std::string_view method = "GET");
  /// How long the head of an answer took to come.
  void observe(Duration duration, std::string_view method = "GET");
  /// The same request goes once more after this status; 0: after no answer.
  void count_retry(int status);
  void collect(MetricFamilies& families) const;

 private:
  const std::string host_;
  std::map<std::pair<int, std::string>, std::uint64_t> answers_;  ///< by status and method
  std::map<int, std::uint64_t> retries_;
  std::map<std::string, Histogram> durations_;  ///< by method
};

}  // namespace wherry::api
