#pragma once

#include "base/async/asio.h"
#include "base/async/timers.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/metrics.h"
#include "base/random.h"
#include "watcher/api/list_watch.h"
#include "watcher/api/outage_log.h"
#include "watcher/api/reflector.h"
#include "watcher/last_good.h"
#include "watcher/model/node.h"
#include "watcher/model/object_sink.h"
#include "watcher/model/service_cidr.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wherry::api {

/// Where endpoints come from.
enum class EndpointsFrom : std::uint8_t {
  Slices,  ///< EndpointSlices, which a controller of the cluster makes
  Pods,    ///< Services' selectors, matched here
};

struct ClusterOptions {
  EndpointsFrom endpoints = EndpointsFrom::Slices;
  std::string name_space;    ///< empty: all
  Duration poll_interval{};  ///< 0: watch
  std::string node_name;
  /// Read exactly the Services that name this proxy; empty: those that name none (S6).
  std::string service_proxy_name{};
  bool all_nodes = false;      ///< not the own Node alone
  bool service_cidrs = false;  ///< read ServiceCIDRs (W4)
  bool watch_list = true;      ///< begin with WatchList where the server does it (A1, C7)
};

/// Who hears of a cluster's objects.
struct ClusterSinks {
  model::ObjectSink<model::Service>& services;
  model::ObjectSink<model::EndpointSlice>& slices;
  model::ObjectSink<model::Pod>& pods;
  model::ObjectSink<model::Node>& nodes;
  model::ObjectSink<model::ServiceCidr>& service_cidrs;
};

/// Of the gates of client-go that environment variables set the one that means something here (C7):
/// KUBE_FEATURE_WatchListClient=false. What is no boolean counts for nothing, as there. Those of
/// HTTP/2 mean nothing, because HTTP/1.1 is spoken.
[[nodiscard]] bool wants_watch_list(const Environment& environment);

/// Which resources are read, and how: the selectors are kube-proxy's (W1 to W4). The own Node and
/// ServiceCIDRs are read where all namespaces are, because a Role can't allow it.
[[nodiscard]] std::vector<Resource> resources_of(const ClusterOptions& options);

/// Follows all resources that tables need, and knows when each has been seen whole (W5).
///
/// Control thread only. stop(), then run the loop until idle(), before it is destroyed.
class ClusterSource {
 public:
  using MakeListWatch = std::function<std::unique_ptr<ListWatch>(const Resource&)>;

  /// How one resource is doing, for operators.
  struct Status {
    std::string resource;  ///< "services", ...
    bool synced = false;   ///< the API server has told everything once
    bool stale = false;    ///< what is in force may be older than what the API server has
    Duration age{};        ///< since the last event, bookmark or completed list
    std::string failing;   ///< why it can't be followed; empty: it is
  };

  /// `on_synced` is called once: when every resource has been seen whole, or was restored.
  /// `on_change` is called after sinks were told of something, and when a status has changed.
  ClusterSource(asio::io_context& loop, const std::string& server, const MakeListWatch& make,
                Timers& timers, const Clock& clock, Random& random, const ClusterOptions& options,
                const ClusterSinks& sinks, std::function<void()> on_synced,
                std::function<void()> on_change);
  ~ClusterSource();

  /// Before start(): what a run before has kept. Counts as seen, and as stale.
  void restore(const watcher::ClusterObjects& objects);
  void start();
  void stop();
  [[nodiscard]] bool idle() const;

  [[nodiscard]] std::vector<Status> status() const;
  /// Whether there is something of an earlier run.
  [[nodiscard]] bool restored() const noexcept { return restored_; }
  /// Whether the API server itself has told everything once, a Node and ServiceCIDRs out of reach
  /// left aside.
  [[nodiscard]] bool synced() const;
  /// Everything that the sinks were told, for the file.
  [[nodiscard]] watcher::ClusterObjects objects() const;
  void collect(MetricFamilies& families) const;

 private:
  struct Followed;
  template <class T>
  struct FollowedAs;

  template <class T>
  void follow(const Resource& resource, const MakeListWatch& make, model::ObjectSink<T>& sink);
  void on_health(Followed& followed);
  void check_synced();
  [[nodiscard]] bool has_seen(const Followed& followed) const;
  [[nodiscard]] static bool has_told(const Followed& followed);

  asio::io_context& loop_;
  Timers& timers_;
  const Clock& clock_;
  Random& random_;
  const ClusterOptions options_;
  const std::function<void()> on_synced_;
  const std::function<void()> on_change_;
  OutageLog outages_;
  std::vector<std::unique_ptr<Followed>> followed_;
  bool restored_ = false;
  bool told_synced_ = false;
  bool stopping_ = false;
};

}  // namespace wherry::api
