#include "proxy/app/app.h"

#include "balancer/table_diff.h"
#include "base/log.h"
#include "base/random.h"
#include "config/reload.h"
#include "proxy/admin/process_metrics.h"
#include "proxy/app/cluster_feed.h"
#include "proxy/app/descriptor_limit.h"
#include "proxy/app/ephemeral_ports.h"
#include "proxy/app/exit_code.h"
#include "proxy/app/kernel_families.h"
#include "proxy/app/kubeproxy_metrics.h"
#include "proxy/app/manifest_feed.h"
#include "proxy/app/offline_tables.h"
#include "proxy/app/process_facts.h"
#include "proxy/app/steering_choice.h"
#include "proxy/app/tcp_metrics.h"
#include "proxy/app/udp_metrics.h"
#include "proxy/steer/node_steering.h"
#include "proxy/steer/routed_steering.h"
#include "proxy/udp/reply_path.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <pthread.h>
#include <thread>
#include <utility>

namespace wherry::app {
namespace {

constexpr Duration kDrainCheck = std::chrono::milliseconds(20);
/// How long a process that can't start waits for the API server to take its Event.
constexpr Duration kLastWords = std::chrono::seconds(3);
/// A node's routes and addresses change many times a second while pods come and go.
constexpr Coalescer::Pace kNetworkPace{.settle = std::chrono::milliseconds(20),
                                       .pause = std::chrono::seconds(1)};

/// Seconds; fine where a change should be live, and up to what nobody should see.
const std::vector<double> kDelayBounds = {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005,
                                          0.0075, 0.01,   0.015,  0.02,  0.05,  0.1,
                                          0.2,    0.5,    1,      2,     5,     10};

tcp::SessionOptions session_options(const config::Options& options) {
  return {.connect_timeout = options.connect_timeout,
          .max_attempts = options.max_attempts,
          .idle_timeout = options.idle_timeout,
          .seed = SystemRandom().next_below(std::numeric_limits<std::uint64_t>::max())};
}

udp::FlowOptions flow_options(const config::Options& options) {
  udp::FlowOptions flows;
  flows.idle_timeout = options.udp_idle_timeout;
  flows.max_attempts = options.max_attempts;
  flows.seed = SystemRandom().next_below(std::numeric_limits<std::uint64_t>::max());
  return flows;
}

}  // namespace

std::size_t worker_count(const config::Options& options) {
  return options.workers > 0 ? options.workers : std::max(1u, std::thread::hardware_concurrency());
}

App::App(const config::Options& options, std::uint64_t open_files,
         std::optional<api::ClusterAccess> access, std::unique_ptr<NodeGround> ground)
    : options_(options),
      node_name_(node_name(options)),
      descriptors_(open_files),
      ephemeral_ports_(ephemeral_ports()),
      started_(clock_.now()),
      started_at_(clock_.wall()),
      families_(kernel_families()),
      timers_(control_),
      files_(1),
      workers_(control_, worker_count(options), session_options(options), flow_options(options),
               clock_, 0),
      ground_(std::move(ground)),
      steering_(make_steering()),
      service_cidrs_([this](const std::vector<Cidr>& all) {
        if (reads_service_cidrs(options_)) steering_->set_service_cidrs(all);
      }),
      network_changes_(timers_, clock_, kNetworkPace, [this] { on_network_changed(); }),
      network_watch_(control_, ground_ ? ground_->network().route_port() : 0,
                     [this](const auto& change) { on_network_news(change); }),
      progress_(clock_, families_, options.sync_period),
      tables_(
          timers_, clock_, table_rules(options), node_name_,
          [this](const auto& table, const TableLoop::Origin& origin) { publish(table, origin); },
          &progress_),
      feed_(make_feed(std::move(access))),
      admin_(control_, *this),
      admin_port_(timers_, "admin", [this] { return admin_.listen(options_.admin_address); }),
      health_server_(control_, progress_.health(),
                     // Draining, it takes no new connections.
                     [this] { return phase_ == Phase::Serving && feed_->node_eligible(); }),
      health_port_(timers_, "health",
                   [this] { return health_server_.listen(*options_.healthz_bind_address); }),
      check_addresses_(node_port_rule(options_), ground_ ? &ground_->network() : nullptr),
      check_ports_(
          control_, timers_, node_name_,
          [this] { return phase_ == Phase::Serving && progress_.health().healthy(); },
          [report = reporter()](const model::ObjectKey& service, const std::string& message) {
            report(service, "FailedToStartServiceHealthcheck", message);
          }),
      signals_(control_, SIGTERM, SIGINT),
      delays_(kDelayBounds) {
  if (ground_) make_client_addresses();
  size_quota();
}

void App::make_client_addresses() {
  ClientAddresses::Parts parts{.timers = timers_,
                               .clock = clock_,
                               .node =
                                   [this] {
                                     NodePlaces places;
                                     const OwnNode& own = tables_.own_node();
                                     if (own.get()) places.pod_cidrs = own.get()->pod_cidrs;
                                     places.addresses = tables_.latest()->node().addresses;
                                     return places;
                                   },
                               .tell =
                                   [this](const auto& networks) {
                                     shown_to_backends_ = networks;
                                     workers_.use_local_networks(networks);
                                   },
                               .on_owned =
                                   [this] {
                                     steer::NodeRecord& record = ground_->record();
                                     record.mark_rules.clear();
                                     record.links.clear();
                                     client_addresses_->add_to(record);
                                     ground_->save();
                                   }};
  client_addresses_.emplace(options_.transparent, std::move(parts));
  network_watch_.pass_over(client_addresses_->port());
}

/// To be called once feed_ is there.
steer::ReportService App::reporter() {
  return
      [this](const model::ObjectKey& service, const std::string& reason, const std::string& text) {
        // Without uid, as kube-proxy's (service_health.go, 1.36): a table does not know it.
        feed_->events().record({"Service", service, ""}, model::EventType::Warning, reason, text);
      };
}

std::unique_ptr<steer::BindSteering> App::make_listeners(steer::ListenRules rules) {
  return std::make_unique<steer::BindSteering>(
      std::move(rules), local_addresses_, workers_, timers_, steer::open_listen_sockets,
      listening_within(descriptors_, workers_.workers()), [this] { size_quota(); }, reporter());
}

std::unique_ptr<steer::Steering> App::make_steering() {
  steer::ListenRules rules = listen_rules(options_);
  if (!ground_) return make_listeners(std::move(rules));
  steer::KernelNetwork& network = ground_->network();
  const steer::NodePortRule node_ports = node_port_rule(options_);
  if (ground_->program() == nullptr) {
    rules.port_offset = 0;
    rules.node_port_addresses = [this, node_ports, &network](IpFamily family) {
      return steer::node_port_listen_addresses(family, network.state(), node_ports,
                                               tables_.latest()->node().addresses);
    };
    return std::make_unique<steer::RoutedSteering>(families_, given_service_cidrs(options_),
                                                   network, timers_,
                                                   make_listeners(std::move(rules)));
  }
  rules.beside_node = true;
  return std::make_unique<steer::NodeSteering>(
      steer::NodeSteeringRules{families_, given_service_cidrs(options_), node_ports,
                               workers_.workers()},
      steer::NodeSteeringParts{*ground_->program(), network, workers_, timers_,
                               steer::open_listen_sockets, steer::open_silent_socket,
                               udp::RawReplyPath::try_permission, steer::host_ports, reporter()},
      make_listeners(std::move(rules)));
}

std::unique_ptr<Feed> App::make_feed(std::optional<api::ClusterAccess> access) {
  if (access) {
    return std::make_unique<ClusterFeed>(control_, files_.get_executor(), timers_, clock_, options_,
                                         std::move(*access), tables_, service_cidrs_);
  }
  return std::make_unique<ManifestFeed>(control_, files_.get_executor(), timers_, clock_, options_,
                                        tables_, service_cidrs_);
}

App::~App() {
  workers_.stop();
  files_.join();
}

int App::run() {
  ::pthread_setname_np(::pthread_self(), "wherry");
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto exit_code = open_ports()) {
    feed_->start_events();
    finish_when_told(clock_.now() + kLastWords);
    control_.run();
    return *exit_code;
  }
  log::info("wherry starts", {{"version", WHERRY_VERSION},
                              {"node", node_name_},
                              {"workers", workers_.workers()},
                              {"admin", admin_.address().to_string()},
                              {"max_sessions", workers_.max_sessions()},
                              {"open_files", descriptors_}});
  wait_for_signal();
  workers_.start();
  network_watch_.start();
  feed_->start();  // files are read, and answers waited for, while the rest is set up
  if (client_addresses_) client_addresses_->start(ground_->record());
  if (ground_) ground_->warn_of_leftovers(shares_service_cidrs(options_));
  if (config_watch_) config_watch_->start();
  control_.run();
  workers_.stop();
  files_.join();
  // Only now: the addresses of sessions that still ran were routed here.
  if (client_addresses_) client_addresses_->undo();
  steering_->undo();
  if (ground_) ground_->release();
  log::info("wherry has ended", {{"exit_code", exit_code_}});
  return exit_code_;
}

/// How a port of this process is named: by its flag, and in the Event of its failure (H6).
struct App::PortName {
  const char* flag;
  const char* event;   ///< the reason
  const char* failed;  ///< how kube-proxy's note begins (cmd/kube-proxy/app/server.go, 1.36)
};

std::optional<int> App::open_ports() {
  static constexpr PortName kAdmin{"--admin-address", "FailedToStartMetricServer",
                                   "starting metrics server failed"};
  static constexpr PortName kHealth{"--healthz-bind-address", "FailedToStartProxierHealthcheck",
                                    "healthz server failed"};
  if (const auto exit_code = open_port(admin_port_, options_.admin_address, kAdmin)) {
    return exit_code;
  }
  if (!options_.healthz_bind_address) return std::nullopt;
  return open_port(health_port_, *options_.healthz_bind_address, kHealth);
}

/// One that could not be opened ends the process: its Event is written before, if that is possible
/// at once.
void App::finish_when_told(TimePoint deadline) {
  if (!feed_->events_are_written() && clock_.now() < deadline) {
    drain_check_ = timers_.schedule(kDrainCheck, [this, deadline] { finish_when_told(deadline); });
    return;
  }
  feed_->stop();
  finish();
}

/// H5: services are served without it, and it is tried again, unless somebody wants to know.
std::optional<int> App::open_port(http::LastingPort& port, const SocketAddress& address,
                                  const PortName& name) {
  const error_code error = port.start();
  if (!error) return std::nullopt;
  const std::string remedy =
      std::string("stop what listens there, or give ") + name.flag + " another one" +
      (options_.bind_address_hard_fail ? "" : "; it is tried again every 5 s");
  log::error("a port of this process can't be opened", {{"flag", name.flag},
                                                        {"address", address.to_string()},
                                                        {"reason", error.message()},
                                                        {"remedy", remedy}});
  if (!options_.bind_address_hard_fail) return std::nullopt;
  feed_->tell_of_node(
      model::EventType::Warning, name.event,
      std::string(name.failed) + ": " + address.to_string() + ": " + error.message());
  return error == boost::system::errc::permission_denied ? kExitPermission : kExitUnavailable;
}

void App::publish(const std::shared_ptr<const balancer::BackendTable>& table,
                  const TableLoop::Origin& origin) {
  const balancer::BackendTable none;
  const balancer::TableDiff difference = balancer::diff(published_ ? *published_ : none, *table);
  const bool only_endpoints = published_ && difference.added.empty() && difference.removed.empty();
  if (!only_endpoints || log::enabled(log::Level::Debug)) {
    log::write(only_endpoints ? log::Level::Debug : log::Level::Info, "a new table is in force",
               {{"generation", table->generation()},
                {"service_ports", table->size()},
                {"added", difference.added.size()},
                {"changed", difference.changed.size()},
                {"removed", difference.removed.size()}});
  }
  const bool is_other_node = !published_ || published_->node().addresses != table->node().addresses;
  published_ = table;
  // In one message: a worker never has a table that names service ports other than its listeners
  // do, so that no client of an address that changes hands is refused in between.
  workers_.hold();
  workers_.publish(table, [this, origin, generation = table->generation()] {
    delays_.observe(seconds_of(clock_.now() - origin.since));
    progress_.done(origin.run, origin.triggers);
    live_generation_ = std::max(live_generation_, generation);
  });
  if (client_addresses_) client_addresses_->node_changed();
  steering_->apply(table);
  workers_.release();
  if (is_other_node) place_check_ports();
  check_ports_.apply(*table, difference);
  size_quota();
}

void App::on_network_news(steer::NetworkChange change) {
  if (std::exchange(change.return_path, false) && client_addresses_) client_addresses_->mend();
  // Whoever is told of the rest looks at everything.
  if (change != steer::NetworkChange{}) network_changes_.request();
}

void App::on_network_changed() {
  steering_->addresses_changed();
  if (client_addresses_) {
    steer::KernelNetwork& network = ground_->network();
    if (!published_) (void)network.refresh();  // steering has not looked yet
    // By what was there before it would put back what is gone with its interface, and say that all
    // is well. It looks by itself again, and steering names the trouble.
    if (network.is_current()) client_addresses_->check(network.state());
  }
  if (published_) place_check_ports();
  size_quota();
}

void App::place_check_ports() {
  auto addresses = check_addresses_.now(published_->node().addresses);
  if (addresses) check_ports_.listen_on(std::move(*addresses));
}

/// Listening sockets, flows and sessions share one limit.
void App::size_quota() {
  const std::size_t listening = steering_->open_sockets() + check_ports_.open_ports();
  const std::uint64_t most_flows =
      flows_within(descriptors_, workers_.workers(), listening, ephemeral_ports_);
  const std::uint64_t flows =
      options_.max_udp_flows == 0 ? most_flows : std::min(options_.max_udp_flows, most_flows);
  workers_.set_max_flows(flows, options_.max_udp_flows_per_source);
  const std::uint64_t possible =
      sessions_within(descriptors_, workers_.workers(),
                      listening + (steering_->carries_udp() ? static_cast<std::size_t>(flows) : 0));
  if (options_.max_sessions > possible && !published_) {
    log::warn("the limit on open files allows fewer sessions than --max-sessions",
              {{"max_sessions", options_.max_sessions},
               {"possible", possible},
               {"remedy", "raise the limit (ulimit -n, LimitNOFILE)"}});
  }
  workers_.set_max_sessions(options_.max_sessions == 0 ? possible
                                                       : std::min(options_.max_sessions, possible));
}

void App::wait_for_signal() {
  signals_.async_wait([this](const error_code& error, int) {
    // A signal may have been on its way when the wait was cancelled.
    if (error || phase_ == Phase::Finishing) return;
    wait_for_signal();
    request_stop();
  });
}

void App::request_stop() {
  switch (phase_) {
    case Phase::Serving:
      return drain();
    case Phase::Draining:
      log::warn("asked to stop again: connections are cut", {{"sessions", workers_.sessions()}});
      return cut();
    case Phase::Finishing:
      return;
  }
}

void App::drain() {
  phase_ = Phase::Draining;
  log::info(
      "asked to stop: no new connections, established ones may end",
      {{"sessions", workers_.sessions()}, {"timeout", format_duration(options_.drain_timeout)}});
  drain_deadline_ = clock_.now() + options_.drain_timeout;
  if (config_watch_) config_watch_->stop();
  feed_->stop();
  tables_.stop();
  network_watch_.stop();
  network_changes_.stop();
  steering_->stop();
  if (client_addresses_) client_addresses_->stop();
  workers_.close_listeners([this] {
    listeners_closed_ = true;
    check_drained();
  });
}

void App::check_drained() {
  if (phase_ != Phase::Draining || !listeners_closed_) return;
  if (workers_.sessions() == 0 && workers_.flows() == 0) {
    log::info("all connections have ended");
    return finish();
  }
  if (clock_.now() >= drain_deadline_) {
    log::warn("the drain timeout has passed: connections are cut",
              {{"sessions", workers_.sessions()}});
    return cut();
  }
  drain_check_ = timers_.schedule(kDrainCheck, [this] { check_drained(); });
}

/// That the configuration has changed matters more to who starts the process than what was cut.
void App::cut() {
  if (exit_code_ == kExitOk && workers_.sessions() > 0) exit_code_ = kExitCut;
  finish();
}

void App::follow_configuration(const config::RunCommand& command) {
  command_ = command;
  config_watch_.emplace(control_, files_.get_executor(), timers_, clock_, command.config_path,
                        command.config_text, [this] { on_configuration_changed(); });
}

void App::on_configuration_changed() {
  auto read = config::reread(*command_);
  config_faults_.clear();
  if (const auto* faults = std::get_if<Faults>(&read)) {
    for (const Fault& fault : *faults) config_faults_.push_back(fault.to_string());
    log::error("the configuration file is broken; what it said before stays in force",
               {{"fault", config_faults_.front()}, {"faults", config_faults_.size()}});
    return;
  }
  const auto& change = std::get<config::ConfigChange>(read);
  const auto joined = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  if (!change.restart.empty()) {
    log::error("the configuration file has changed in what needs a new process; this one ends",
               {{"file", command_->config_path}, {"changed", joined(change.restart)}});
    exit_code_ = kExitNewProcess;
    if (phase_ == Phase::Serving) drain();
    return;
  }
  if (change.live.empty()) return;
  command_->options = change.options;
  take_over(change.options);
  log::info("the configuration file has changed, and the change is in force",
            {{"file", command_->config_path}, {"changed", joined(change.live)}});
}

/// The settings that config::is_live() names.
void App::take_over(const config::Options& next) {
  options_.log_level = next.log_level;
  options_.log_format = next.log_format;
  options_.max_sessions = next.max_sessions;
  options_.drain_timeout = next.drain_timeout;
  log::configure(options_.log_level, options_.log_format);
  size_quota();
}

/// Takes away what keeps the control loop running.
void App::finish() {
  phase_ = Phase::Finishing;
  drain_check_.cancel();
  admin_port_.stop();
  health_port_.stop();
  admin_.stop();
  health_server_.stop();
  check_ports_.stop();
  signals_.cancel();
}

std::shared_ptr<const balancer::BackendTable> App::table() const { return tables_.latest(); }

std::vector<SocketAddress> App::listening(balancer::ServicePortId id) const {
  return steering_->listening(id);
}

balancer::WaysIn App::ways_in() const {
  balancer::WaysIn ways;
  ways.find = [this](Protocol protocol, const SocketAddress& address) {
    return steering_->entrance(protocol, address);
  };
  ways.is_complete = steering_->is_complete();
  if (ways.is_complete) {
    ways.passes = [this](const IpAddress& address) { return steering_->passes(address); };
  }
  ways.service_cidrs = steering_->service_cidrs();
  ways.sees_client = [this](const balancer::ClientAndBackend& both) {
    return shown_to_backends_ != nullptr &&
           balancer::keeps_client_address(both, *shown_to_backends_);
  };
  return ways;
}

admin::Readiness App::readiness() const {
  admin::Readiness readiness;
  readiness.checks.push_back(
      {.name = "tables",
       .passed = tables_.has_published() && steering_->is_in_force(),
       .required = true,
       .notes = {"generation " + std::to_string(tables_.latest()->generation()) + ", " +
                 std::to_string(tables_.latest()->size()) + " service ports"}});
  readiness.checks.push_back(
      {.name = "serving", .passed = phase_ == Phase::Serving, .required = true, .notes = {}});
  feed_->report(readiness);
  if (config_watch_) {
    readiness.checks.push_back({.name = "configuration",
                                .passed = config_faults_.empty(),
                                .required = false,
                                .notes = config_faults_});
  }
  admin::Readiness::Check endpoints{
      .name = "endpoints", .passed = true, .required = false, .notes = tables_.problems()};
  endpoints.passed = endpoints.notes.empty();
  readiness.checks.push_back(std::move(endpoints));
  admin::Readiness::Check listeners{
      .name = "listeners", .passed = true, .required = false, .notes = steering_->problems()};
  for (std::string& text : check_ports_.problems()) listeners.notes.push_back(std::move(text));
  if (client_addresses_) {
    for (std::string& text : client_addresses_->problems())
      listeners.notes.push_back(std::move(text));
  }
  listeners.passed = listeners.notes.empty();
  for (std::string& text : steering_->not_carried()) listeners.notes.push_back(std::move(text));
  readiness.checks.push_back(std::move(listeners));
  return readiness;
}

MetricFamilies App::metrics() const {
  MetricFamilies families;
  families.push_back({"wherry_build_info",
                      "The version that runs.",
                      MetricKind::Gauge,
                      {{{{"version", WHERRY_VERSION}}, 1}}});
  families.push_back(single_metric("wherry_table_generation",
                                   "Number of the table that every worker uses.", MetricKind::Gauge,
                                   static_cast<double>(live_generation_)));
  families.push_back(single_metric("wherry_service_ports", "Service ports in the table.",
                                   MetricKind::Gauge,
                                   static_cast<double>(tables_.latest()->size())));
  families.push_back({"wherry_table_delay_seconds",
                      "From a change that was handed over to every worker using a table with it.",
                      MetricKind::Histogram,
                      {delays_.sample({})}});
  progress_.collect(families);
  collect_changes(tables_.service_tracker(), tables_.slice_tracker(), families);
  collect_no_local_endpoints(*tables_.latest(), families_, families);
  health_server_.collect(families);
  collect_build_info(WHERRY_VERSION, families);
  collect_tcp_metrics(workers_, *tables_.latest(), families);
  collect_udp_metrics(workers_, families);
  steering_->collect(families);
  const auto filter_failures =
      steering_->filter_failures() +
      workers_.sum([](const tcp::Counters& counters) { return counters.filter_failures.value(); });
  families.push_back(single_metric("wherry_listener_filter_failures_total",
                                   "Packet filters of listening sockets that the kernel did "
                                   "not take: the workers refuse those clients.",
                                   MetricKind::Counter, static_cast<double>(filter_failures)));
  if (client_addresses_) client_addresses_->collect(families);
  feed_->collect(families);
  admin::collect_process_metrics(families);
  return families;
}

admin::ProcessFacts App::facts() const {
  return {WHERRY_VERSION,          steering_->mode(),        started_at_,
          clock_.now() - started_, flags_in_force(options_), configuration_in_force(options_)};
}

/// Until the next start, or until the configuration file says another one.
void App::set_log_level(log::Level level) {
  options_.log_level = level;
  log::configure(level, options_.log_format);
  log::info("the log level was changed over HTTP", {{"level", to_string(level)}});
}

void App::gather_sessions(std::function<void(std::vector<admin::SessionRow>)> take) {
  workers_.gather([take = std::move(take)](WorkerPool::Carried found) {
    std::vector<admin::SessionRow> rows;
    rows.reserve(found.sessions.size() + found.flows.size());
    const auto add = [&rows](auto& all) {
      for (auto& each : all) {
        rows.push_back({std::move(each.service_port), each.client, each.backend, each.since,
                        each.bytes_in, each.bytes_out});
      }
    };
    add(found.sessions);
    add(found.flows);
    take(std::move(rows));
  });
}

}  // namespace wherry::app
