#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/random.h"
#include "config/options.h"
#include "proxy/app/feed.h"
#include "proxy/app/table_loop.h"
#include "watcher/api/access.h"
#include "watcher/api/cluster_connection.h"
#include "watcher/api/cluster_source.h"
#include "watcher/api/event_recorder.h"
#include "watcher/last_good_keeper.h"

#include <memory>
#include <optional>
#include <string>

namespace wherry::app {

/// The options in the words of watcher/api.
[[nodiscard]] api::ClusterOptions cluster_options(const config::Options& options);
/// "wherry/VERSION (linux/ARCH)", which API servers log.
[[nodiscard]] std::string user_agent();

/// Objects from an API server, or from what an earlier run kept of one (--state-dir).
class ClusterFeed final : public Feed {
 public:
  /// The last good state is read here, and written on `work`.
  ClusterFeed(asio::io_context& control, asio::any_io_executor work, Timers& timers,
              const Clock& clock, const config::Options& options, api::ClusterAccess access,
              TableLoop& tables, model::ObjectSink<model::ServiceCidr>& service_cidrs);
  ~ClusterFeed() override;

  void start() override;
  void stop() override;
  void report(admin::Readiness& readiness) const override;
  void collect(MetricFamilies& families) const override;
  [[nodiscard]] model::EventSink& events() noexcept override { return events_; }
  /// With --namespace a Role is enough, which has no say in the namespace of a Node's Events.
  void tell_of_node(model::EventType type, std::string_view reason, std::string_view note) override;
  void start_events() override { events_.start(); }
  [[nodiscard]] bool events_are_written() const override { return events_.has_written_all(); }
  [[nodiscard]] bool node_eligible() const override;

 private:
  class WarningServices;

  void keep_last_good(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                      const Clock& clock, const config::Options& options);
  void on_synced();
  void on_change();

  TableLoop& tables_;
  const api::ClusterOptions options_;
  SystemRandom random_;
  api::ClusterConnection connection_;
  api::EventRecorder events_;
  std::unique_ptr<WarningServices> services_;
  std::optional<api::ClusterSource> source_;
  std::optional<watcher::LastGoodKeeper> keeper_;
  bool looked_for_node_ = false;
};

}  // namespace wherry::app
