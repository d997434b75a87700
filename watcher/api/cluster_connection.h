#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/metrics.h"
#include "watcher/api/access.h"
#include "watcher/api/credentials.h"
#include "watcher/api/event_api.h"
#include "watcher/api/list_watch.h"
#include "watcher/api/request.h"
#include "watcher/api/rest_metrics.h"
#include "watcher/api/trust_store.h"

#include <memory>
#include <string>

namespace wherry::api {

/// What all resources of one API server share: the way there, credentials, authorities, counts.
/// Makes a ListWatch for each resource and what writes Events, and outlives them.
///
/// Control thread only.
class ClusterConnection {
 public:
  ClusterConnection(asio::io_context& loop, ClusterAccess access, const Environment& environment,
                    Timers& timers, const Clock& clock, std::string user_agent);
  ~ClusterConnection();

  [[nodiscard]] std::unique_ptr<ListWatch> list_watch(Resource resource);
  [[nodiscard]] std::unique_ptr<EventApi> event_api();
  void stop() { credentials_.stop(); }

  [[nodiscard]] const ClusterAccess& access() const noexcept { return access_; }
  void collect(MetricFamilies& families) const;

 private:
  [[nodiscard]] HttpClient::Server server();
  [[nodiscard]] std::unique_ptr<Dialer> dialer();

  asio::io_context& loop_;
  const ClusterAccess access_;
  Timers& timers_;
  const Clock& clock_;
  const std::string user_agent_;
  Credentials credentials_;
  TrustStore trust_;
  RestMetrics metrics_;
};

}  // namespace wherry::api
