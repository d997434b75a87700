#include "watcher/api/cluster_source.h"

#include "base/log.h"
#include "watcher/api/object_store.h"
#include "watcher/model/decode.h"
#include "watcher/model/names.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace wherry::api {
namespace {

/// A watch that has heard nothing for longer has missed a bookmark (A17) and may be dead.
constexpr Duration kStaleAfter = std::chrono::minutes(2);

template <class T>
struct Kind;
template <>
struct Kind<model::Service> {
  static constexpr auto kDecode = &model::decode_service;
  static constexpr auto kMember = &watcher::ClusterObjects::services;
};
template <>
struct Kind<model::EndpointSlice> {
  static constexpr auto kDecode = &model::decode_endpoint_slice;
  static constexpr auto kMember = &watcher::ClusterObjects::slices;
};
template <>
struct Kind<model::Pod> {
  static constexpr auto kDecode = &model::decode_pod;
  static constexpr auto kMember = &watcher::ClusterObjects::pods;
};
template <>
struct Kind<model::Node> {
  static constexpr auto kDecode = &model::decode_node;
  static constexpr auto kMember = &watcher::ClusterObjects::nodes;
};
template <>
struct Kind<model::ServiceCidr> {
  static constexpr auto kDecode = &model::decode_service_cidr;
  static constexpr auto kMember = &watcher::ClusterObjects::service_cidrs;
};

/// W1, S6.
std::string service_labels(const std::string& proxy_name) {
  const std::string label(model::kServiceProxyNameLabel);
  return proxy_name.empty() ? '!' + label : label + '=' + proxy_name;
}

}  // namespace

bool wants_watch_list(const Environment& environment) {
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "false", "FALSE", "False"};
  return std::find(kFalse.begin(), kFalse.end(), environment.get("KUBE_FEATURE_WatchListClient")) ==
         kFalse.end();
}

std::vector<Resource> resources_of(const ClusterOptions& options) {
  std::vector<Resource> all;
  const std::string& space = options.name_space;
  // W1. Older servers know no field selector for Services: those without clusterIP are then left
  // out here.
  all.push_back({.name = "services",
                 .version = "v1",
                 .plural = "services",
                 .kind = "Service",
                 .name_space = space,
                 .labels = service_labels(options.service_proxy_name),
                 .fields = "spec.clusterIP!=None",
                 .fields_are_optional = true});
  all.push_back({.name = "endpointslices",
                 .group = "discovery.k8s.io",
                 .version = "v1",
                 .plural = "endpointslices",
                 .kind = "EndpointSlice",
                 .name_space = space,
                 .labels = "!" + std::string(model::kHeadlessLabel),  // W2
                 .fields = ""});
  if (options.endpoints == EndpointsFrom::Pods) {
    // Pods that have ended are nobody's endpoints (T5), and the Jobs of a cluster leave many.
    all.push_back({.name = "pods",
                   .version = "v1",
                   .plural = "pods",
                   .kind = "Pod",
                   .name_space = space,
                   .fields = "status.phase!=Succeeded,status.phase!=Failed"});
  }
  if (space.empty()) {
    all.push_back({.name = "nodes",
                   .version = "v1",
                   .plural = "nodes",
                   .kind = "Node",
                   .fields = options.all_nodes ? std::string()
                                               : "metadata.name=" + options.node_name});  // W3
  }
  if (space.empty() && options.service_cidrs) {
    all.push_back({.name = "servicecidrs",
                   .group = "networking.k8s.io",
                   .version = "v1",
                   .plural = "servicecidrs",
                   .kind = "ServiceCIDR",
                   .fields = ""});  // W4
  }
  return all;
}

/// One resource and everything that follows it.
struct ClusterSource::Followed {
  explicit Followed(Resource what) : resource(std::move(what)) {}
  virtual ~Followed() = default;
  Followed(const Followed&) = delete;
  Followed& operator=(const Followed&) = delete;

  virtual void restore(const watcher::ClusterObjects& from) = 0;
  virtual void gather(watcher::ClusterObjects& into) const = 0;

  const Resource resource;
  std::unique_ptr<ListWatch> list_watch;
  std::unique_ptr<Reflector> reflector;
};

template <class T>
struct ClusterSource::FollowedAs final : Followed {
  FollowedAs(Resource what, model::ObjectSink<T>& sink, std::function<void()> on_change)
      : Followed(std::move(what)), store(Kind<T>::kDecode, sink, std::move(on_change)) {}
  ~FollowedAs() override = default;

  void restore(const watcher::ClusterObjects& from) override {
    store.restore(from.*Kind<T>::kMember);
  }
  void gather(watcher::ClusterObjects& into) const override {
    into.*Kind<T>::kMember = store.objects();
  }

  TypedStore<T> store;
};

template <class T>
void ClusterSource::follow(const Resource& resource, const MakeListWatch& make,
                           model::ObjectSink<T>& sink) {
  auto followed = std::make_unique<FollowedAs<T>>(resource, sink, [this] { on_change_(); });
  Followed* const self = followed.get();
  followed->list_watch = make(resource);
  followed->reflector = std::make_unique<Reflector>(
      loop_, resource.kind, *followed->list_watch, followed->store, timers_, clock_, random_,
      ReflectorOptions{.watch_list = options_.watch_list, .poll_interval = options_.poll_interval},
      [this, self] { on_health(*self); });
  followed_.push_back(std::move(followed));
}

ClusterSource::ClusterSource(asio::io_context& loop, const std::string& server,
                             const MakeListWatch& make, Timers& timers, const Clock& clock,
                             Random& random, const ClusterOptions& options,
                             const ClusterSinks& sinks, std::function<void()> on_synced,
                             std::function<void()> on_change)
    : loop_(loop),
      timers_(timers),
      clock_(clock),
      random_(random),
      options_(options),
      on_synced_(std::move(on_synced)),
      on_change_(std::move(on_change)),
      outages_(server) {
  for (const Resource& resource : resources_of(options_)) {
    if (resource.kind == "Service") follow(resource, make, sinks.services);
    if (resource.kind == "EndpointSlice") follow(resource, make, sinks.slices);
    if (resource.kind == "Pod") follow(resource, make, sinks.pods);
    if (resource.kind == "Node") follow(resource, make, sinks.nodes);
    if (resource.kind == "ServiceCIDR") follow(resource, make, sinks.service_cidrs);
  }
}

ClusterSource::~ClusterSource() = default;

void ClusterSource::restore(const watcher::ClusterObjects& objects) {
  restored_ = true;
  for (const auto& followed : followed_) followed->restore(objects);
}

void ClusterSource::start() {
  for (const auto& followed : followed_) followed->reflector->start();
  check_synced();
}

void ClusterSource::stop() {
  stopping_ = true;
  for (const auto& followed : followed_) followed->reflector->stop();
}

bool ClusterSource::idle() const {
  return std::all_of(followed_.begin(), followed_.end(),
                     [](const auto& each) { return each->reflector->idle(); });
}

void ClusterSource::on_health(Followed& followed) {
  if (stopping_) return;
  outages_.update(followed.resource.name, followed.reflector->health().failing, clock_.now());
  check_synced();
  on_change_();
}

/// The own Node and ServiceCIDRs are worth waiting for, but may be out of reach: their rights are
/// apart, ServiceCIDRs are younger than many a server, and a table without them still serves.
bool ClusterSource::has_seen(const Followed& followed) const {
  return restored_ || has_told(followed);
}

bool ClusterSource::has_told(const Followed& followed) {
  const Reflector::Health& health = followed.reflector->health();
  if (health.synced) return true;
  const std::string& kind = followed.resource.kind;
  return (kind == "Node" || kind == "ServiceCIDR") && health.failing &&
         (health.failing->code == ApiErrc::Forbidden || health.failing->code == ApiErrc::NotFound);
}

void ClusterSource::check_synced() {
  const bool all_seen = std::all_of(followed_.begin(), followed_.end(),
                                    [this](const auto& each) { return has_seen(*each); });
  if (!all_seen || std::exchange(told_synced_, true)) return;
  on_synced_();
}

bool ClusterSource::synced() const {
  return std::all_of(followed_.begin(), followed_.end(),
                     [](const auto& each) { return has_told(*each); });
}

std::vector<ClusterSource::Status> ClusterSource::status() const {
  std::vector<Status> all;
  for (const auto& followed : followed_) {
    const Reflector::Health& health = followed->reflector->health();
    Status status;
    status.resource = followed->resource.name;
    status.synced = health.synced;
    status.age = clock_.now() - health.last_contact;
    if (health.failing) status.failing = health.failing->text;
    const Duration patience = std::max(kStaleAfter, 3 * options_.poll_interval);
    status.stale = !health.synced || health.failing || status.age > patience;
    all.push_back(std::move(status));
  }
  return all;
}

watcher::ClusterObjects ClusterSource::objects() const {
  watcher::ClusterObjects all;
  for (const auto& followed : followed_) followed->gather(all);
  return all;
}

void ClusterSource::collect(MetricFamilies& families) const {
  MetricFamily age{"wherry_watch_age_seconds",
                   "Seconds since a resource's last event, bookmark or completed list.",
                   MetricKind::Gauge,
                   {}};
  MetricFamily lists{"wherry_watch_lists_total",
                     "How often a resource was read as a whole.",
                     MetricKind::Counter,
                     {}};
  MetricFamily watches{"wherry_watch_watches_total",
                       "How often a watch of a resource was opened.",
                       MetricKind::Counter,
                       {}};
  MetricFamily events{"wherry_watch_events_total",
                      "Events of a resource, bookmarks among them.",
                      MetricKind::Counter,
                      {}};
  MetricFamily synced{"wherry_watch_synced",
                      "Whether the API server has told everything of a resource once.",
                      MetricKind::Gauge,
                      {}};
  for (const auto& followed : followed_) {
    const Reflector::Health& health = followed->reflector->health();
    const MetricLabels labels{{"resource", followed->resource.name}};
    age.samples.push_back({labels, seconds_of(clock_.now() - health.last_contact)});
    lists.samples.push_back({labels, static_cast<double>(health.lists)});
    watches.samples.push_back({labels, static_cast<double>(health.watches)});
    events.samples.push_back({labels, static_cast<double>(health.events)});
    synced.samples.push_back({labels, health.synced ? 1.0 : 0.0});
  }
  for (MetricFamily* family : {&age, &lists, &watches, &events, &synced}) {
    families.push_back(std::move(*family));
  }
}

}  // namespace wherry::api
