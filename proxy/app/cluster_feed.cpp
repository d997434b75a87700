#include "proxy/app/cluster_feed.h"

#include "base/log.h"
#include "proxy/app/offline_tables.h"
#include "proxy/app/steering_choice.h"
#include "proxy/health/proxy_health.h"

#include <chrono>
#include <filesystem>
#include <sys/utsname.h>
#include <utility>
#include <variant>

namespace wherry::app {
namespace {

constexpr const char* kLastGoodFile = "last-good.json";

std::string name_of(api::EndpointsFrom source) {
  return source == api::EndpointsFrom::Pods ? "pods" : "slices";
}

watcher::ClusterIdentity identity_of(const api::ClusterAccess& access,
                                     const api::ClusterOptions& options) {
  return {access.server.to_string(), options.name_space, name_of(options.endpoints),
          options.node_name, options.service_proxy_name};
}

/// What is said of a Service by a field that only a controller of the cluster acts upon.
constexpr const char* kHintsAreIgnored =
    "trafficDistribution is ignored with --endpoints pods: it counts through hints, which the "
    "cluster's EndpointSlice controller writes";

}  // namespace

/// Passes Services on, and warns once of what has no effect here.
class ClusterFeed::WarningServices final : public model::ObjectSink<model::Service> {
 public:
  WarningServices(model::ObjectSink<model::Service>& next, model::EventSink& events,
                  bool hints_are_ignored)
      : next_(next), events_(events), hints_are_ignored_(hints_are_ignored) {}

  void replace(std::vector<Object> all) override {
    for (const Object& service : all) look_at(*service);
    next_.replace(std::move(all));
  }
  void upsert(Object service) override {
    look_at(*service);
    next_.upsert(std::move(service));
  }
  void erase(const model::ObjectKey& key) override { next_.erase(key); }

 private:
  void look_at(const model::Service& service) {
    if (!hints_are_ignored_ || warned_ || service.traffic_distribution.empty()) return;
    warned_ = true;
    log::warn(kHintsAreIgnored, {{"service", service.meta.key.to_string()},
                                 {"trafficDistribution", service.traffic_distribution}});
    events_.record({"Service", service.meta.key, service.meta.uid}, model::EventType::Warning,
                   "TrafficDistributionIgnored", kHintsAreIgnored);
  }

  model::ObjectSink<model::Service>& next_;
  model::EventSink& events_;
  const bool hints_are_ignored_;
  bool warned_ = false;
};

api::ClusterOptions cluster_options(const config::Options& options) {
  return {.endpoints = options.endpoints == config::Endpoints::Pods ? api::EndpointsFrom::Pods
                                                                    : api::EndpointsFrom::Slices,
          .name_space = options.name_space,
          .poll_interval = options.poll_interval,
          .node_name = node_name(options),
          .service_proxy_name = options.service_proxy_name,
          // An external IP may be another node\'s address.
          .all_nodes = options.steering == config::SteeringMode::Node,
          .service_cidrs = reads_service_cidrs(options),
          .watch_list = api::wants_watch_list(options.environment)};
}

std::string user_agent() {
  utsname system{};
  const std::string machine = ::uname(&system) == 0 ? system.machine : "unknown";
  return "wherry/" WHERRY_VERSION " (linux/" + machine + ')';
}

ClusterFeed::ClusterFeed(asio::io_context& control, asio::any_io_executor work, Timers& timers,
                         const Clock& clock, const config::Options& options,
                         api::ClusterAccess access, TableLoop& tables,
                         model::ObjectSink<model::ServiceCidr>& service_cidrs)
    : tables_(tables),
      options_(cluster_options(options)),
      connection_(control, std::move(access), options.environment, timers, clock, user_agent()),
      events_(control, connection_.event_api(), timers, clock, options_.node_name),
      services_(std::make_unique<WarningServices>(tables.services(), events_,
                                                  options_.endpoints == api::EndpointsFrom::Pods)) {
  tables.report_to(events_);
  source_.emplace(
      control, connection_.access().server.to_string(),
      [this](const api::Resource& resource) { return connection_.list_watch(resource); }, timers,
      clock, random_, options_,
      api::ClusterSinks{*services_, tables.slices(), tables.pods(), tables.nodes(), service_cidrs},
      [this] { on_synced(); }, [this] { on_change(); });
  if (!options.state_dir.empty()) keep_last_good(control, std::move(work), timers, clock, options);
}

ClusterFeed::~ClusterFeed() = default;

void ClusterFeed::keep_last_good(asio::io_context& control, asio::any_io_executor work,
                                 Timers& timers, const Clock& clock,
                                 const config::Options& options) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::create_directories(options.state_dir, error)) {
    fs::permissions(options.state_dir, fs::perms::owner_all, error);
  }
  const std::string file = options.state_dir + '/' + kLastGoodFile;
  const watcher::ClusterIdentity identity = identity_of(connection_.access(), options_);
  auto kept = watcher::read_last_good(file, identity);
  if (const auto* objects = std::get_if<watcher::ClusterObjects>(&kept)) {
    log::info("the last good state is served until the API server answers",
              {{"file", file}, {"objects", objects->size()}});
    source_->restore(*objects);
  } else if (const auto& refusal = std::get<watcher::LastGoodRefusal>(kept); !refusal.is_missing) {
    log::warn("the last good state is not used", {{"file", file}, {"reason", refusal.text}});
  }
  keeper_.emplace(control, std::move(work), timers, clock, file, identity,
                  [this] { return source_->objects(); });
}

void ClusterFeed::start() {
  const api::ClusterAccess& access = connection_.access();
  log::info("a cluster is followed",
            {{"server", access.server.to_string()},
             {"access", access.origin},
             {"namespace", options_.name_space.empty() ? "all" : options_.name_space},
             {"endpoints", name_of(options_.endpoints)},
             {"node", options_.node_name}});
  for (const std::string& warning : access.warnings) log::warn(warning);
  source_->start();
  events_.start();
  tell_of_node(model::EventType::Normal, "Starting", "wherry " WHERRY_VERSION " starts");  // H6
}

void ClusterFeed::tell_of_node(model::EventType type, std::string_view reason,
                               std::string_view note) {
  if (!options_.name_space.empty()) return;
  events_.record(model::node_subject(options_.node_name), type, reason, note);
}

void ClusterFeed::stop() {
  source_->stop();
  events_.stop();
  connection_.stop();
  if (keeper_) keeper_->stop();
}

void ClusterFeed::on_synced() { tables_.on_synced(); }

void ClusterFeed::on_change() {
  tables_.on_change();
  if (!source_->synced()) return;
  // What was restored is on the disk already; half of a first list is no state to start from.
  if (keeper_) keeper_->on_change();
  if (std::exchange(looked_for_node_, true) || !options_.name_space.empty()) return;
  if (tables_.own_node().get() != nullptr) return;
  log::warn("the cluster has no Node of this name; what is local to a node is nowhere local here",
            {{"node", options_.node_name}, {"remedy", "give --node-name the name of its Node"}});
}

void ClusterFeed::report(admin::Readiness& readiness) const {
  for (const api::ClusterSource::Status& status : source_->status()) {
    admin::Readiness::Check check{
        .name = status.resource, .passed = !status.stale, .required = false, .notes = {}};
    const std::string age =
        format_duration(std::chrono::duration_cast<std::chrono::seconds>(status.age));
    if (!status.synced) {
      check.notes.push_back(source_->restored()
                                ? "stale: served from the last good state"
                                : "stale: the API server has not told everything yet");
    } else if (status.stale) {
      check.notes.push_back("stale: last heard of " + age + " ago");
    } else {
      check.notes.push_back("last heard of " + age + " ago");
    }
    if (!status.failing.empty()) check.notes.push_back(status.failing);
    readiness.checks.push_back(std::move(check));
  }
}

void ClusterFeed::collect(MetricFamilies& families) const {
  source_->collect(families);
  connection_.collect(families);
  events_.collect(families);
  if (keeper_) keeper_->collect(families);
}

bool ClusterFeed::node_eligible() const {
  // Who may read one namespace only does not see Nodes: there nothing is held against this one.
  return !options_.name_space.empty() || health::is_eligible(tables_.own_node().get().get());
}

}  // namespace wherry::app
