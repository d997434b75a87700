#pragma once

#include "base/clock.h"
#include "watcher/api/api_failure.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace wherry::api {

/// Says once what is wrong with an API server, and once that it is over, however many resources
/// are followed and however often each is retried. Control thread only.
class OutageLog {
 public:
  explicit OutageLog(std::string server) : server_(std::move(server)) {}

  /// A resource fails (perhaps for another reason than before), or does not fail any more.
  void update(const std::string& resource, const std::optional<ApiFailure>& failing, TimePoint now);

 private:
  /// What is the server's trouble as a whole, not one resource's.
  [[nodiscard]] static bool is_shared(ApiErrc code) noexcept;
  void end(TimePoint now);

  const std::string server_;
  std::map<std::string, std::pair<ApiErrc, std::string>> failing_;  ///< by resource
  std::set<ApiErrc> told_;          ///< kinds of shared trouble that the log has named
  std::optional<TimePoint> since_;  ///< of the shared trouble
  std::map<std::string, TimePoint> alone_since_;  ///< of one resource's own
};

}  // namespace wherry::api
