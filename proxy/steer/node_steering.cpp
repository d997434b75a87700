#include "proxy/steer/node_steering.h"

#include "base/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <iterator>
#include <utility>

namespace wherry::steer {
namespace {

using balancer::BackendTable;
using balancer::Entrance;
using balancer::ServicePortEntry;
using balancer::ServicePortId;
using balancer::Verdict;
using bpf::Destination;
using bpf::Group;
using bpf::Steered;

constexpr Duration kCheck = std::chrono::seconds(30);
/// While something does not work.
constexpr Duration kRetry = std::chrono::seconds(2);

bool forwards(const Steered& steered) {
  return std::any_of(steered.by_client.begin(), steered.by_client.end(),
                     [](Verdict verdict) { return verdict == Verdict::Forward; });
}

bool is_not_carried(const ListenProblem& problem) {
  return problem.kind == ListenProblem::Kind::NotCarried ||
         problem.kind == ListenProblem::Kind::NoFamily;
}

}  // namespace

NodeSteering::NodeSteering(NodeSteeringRules rules, NodeSteeringParts parts,
                           std::unique_ptr<BindSteering> beside)
    : rules_(std::move(rules)),
      parts_(std::move(parts)),
      beside_(std::move(beside)),
      claims_(rules_.families),
      table_(std::make_shared<const BackendTable>()),
      problem_log_(parts_.report),
      repairs_(parts_.timers),
      attachment_(parts_.kernel) {}

NodeSteering::~NodeSteering() = default;

void NodeSteering::apply(std::shared_ptr<const BackendTable> next) {
  if (stopped_) return;
  const auto old = std::exchange(table_, std::move(next));
  NodeChange change = claims_.update(*old, *table_);
  const bool has_news = !change.empty() || change.faults;
  const bool is_first = !std::exchange(started_, true);
  // Before the kernel leads anybody anywhere it must have somewhere to lead them, and know who is
  // who.
  open_missing_sockets();
  if (is_first || old->node() != table_->node()) refresh_scope();
  parts_.network.route(change.new_addresses, change.gone_addresses);
  const bool has_new_node_ports =
      std::any_of(change.set.begin(), change.set.end(),
                  [](const auto& each) { return !each.first.ip.has_value(); });
  lead(std::move(change));
  beside_->apply(table_);
  if (is_first) {
    parts_.network.check();  // what a crashed one has left, and nobody wants any more
    refresh_scope();         // it has read the network, which may have changed since the start
    wait_for_check();
  }
  if (has_new_node_ports) look_at_host_ports();
  if (has_news) report_new_problems();
}

/// One set for all Services: sockets for the workers, and one for those who get no answer. Without
/// the right to answer there are none for datagrams, so that the kernel refuses them.
void NodeSteering::open_sockets_of(IpFamily family) {
  const std::string part = "listeners of " + std::string(to_string(family));
  const auto fail = [&](const error_code& error) {
    failures_[part] = part + " can't be opened: " + error.message() +
                      "; look at the limit on open files and whether lo is up (it is tried again)";
  };
  const SocketAddress anywhere{IpAddress::loopback(family), 0};
  struct Set {
    Protocol protocol;
    std::vector<UniqueFd> forward;
    UniqueFd silent;
  };
  std::vector<Set> sets;
  std::vector<Ungiven> to_give;
  const error_code no_answers = parts_.try_answers(family);
  const bool may_answer = no_answers != boost::system::errc::operation_not_permitted;
  if (no_answers && may_answer) return fail(no_answers);
  for (const Protocol protocol : {Protocol::TCP, Protocol::UDP}) {
    Set set{protocol, {}, {}};
    std::vector<std::pair<Group, int>> groups;
    if (protocol != Protocol::UDP || may_answer) {
      auto forward = parts_.open({anywhere, protocol}, rules_.workers);
      if (!forward) return fail(forward.error());
      set.forward = std::move(*forward);
      groups.emplace_back(Group::Forward, set.forward.front().get());
    }
    auto silent = parts_.open_silent(protocol, family);
    if (!silent) return fail(silent.error());
    set.silent = std::move(*silent);
    groups.emplace_back(Group::Silent, set.silent.get());
    // Copies: the sockets themselves are the workers', who may close them before they are given.
    for (const auto& [group, fd] : groups) {
      UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
      if (!copy) return fail({errno, boost::system::system_category()});
      to_give.push_back({protocol, family, group, std::move(copy)});
    }
    sets.push_back(std::move(set));
  }
  failures_.erase(part);
  if (!may_answer) {
    why_no_udp_ =
        "UDP is refused, because answers can't be sent from Services' addresses: CAP_NET_RAW is "
        "missing; grant it, and start wherry again";
  }
  for (Set& each : sets) {
    shared_sockets_ += each.forward.size();
    silent_.push_back(std::move(each.silent));
    if (each.forward.empty()) continue;
    parts_.host.open_shared(each.protocol, family, std::move(each.forward));
  }
  opened_.insert(family);
  std::move(to_give.begin(), to_give.end(), std::back_inserter(ungiven_));
  if (is_kernel_told_) give_sockets();
}

/// Not before workers know where the first table leads: a program that a process before this one
/// has left leads clients to the sockets at once.
void NodeSteering::give_sockets() {
  std::erase_if(ungiven_, [this](const Ungiven& each) {
    const error_code error =
        parts_.kernel.set_socket(each.protocol, each.family, each.group, each.socket.get());
    const std::string part = "sockets of " + std::string(to_string(each.protocol)) + " over " +
                             std::string(to_string(each.family));
    if (!error) {
      failures_.erase(part);
      return true;
    }
    failures_[part] =
        part + " can't be given to the kernel: " + error.message() + "; it is tried again";
    return false;
  });
}

void NodeSteering::open_missing_sockets() {
  for (const IpFamily family : rules_.families) {
    if (!opened_.contains(family)) open_sockets_of(family);
  }
}

bpf::SteerScope NodeSteering::scope_now() const {
  const balancer::NodeView& node = table_->node();
  const std::vector<IpAddress> machine = parts_.network.addresses();
  bpf::SteerScope scope;
  scope.service_cidrs =
      rules_.service_cidrs.empty() ? cluster_service_cidrs_ : rules_.service_cidrs;
  scope.node_port_addresses = parts_.network.node_port_addresses(rules_.node_ports, node.addresses);
  scope.node_addresses = machine;
  for (const IpAddress& address : node.addresses) {
    if (!is_among(address, scope.node_addresses)) scope.node_addresses.push_back(address);
  }
  scope.pod_cidrs = node.pod_cidrs;
  scope.pod_interfaces = parts_.network.pod_interfaces();
  return scope;
}

/// What the kernel knows of the node, and the routes of whole blocks.
void NodeSteering::refresh_scope() {
  bpf::SteerScope scope = scope_now();
  parts_.network.configure(scope.service_cidrs, table_->node().addresses);
  if (scope == scope_) return;
  // Of datagrams the workers ask who is who: the kernel refuses none (U2).
  if (scope.pod_interfaces != scope_.pod_interfaces) {
    parts_.host.use_pod_interfaces(scope.pod_interfaces);
  }
  scope_ = std::move(scope);
  if (!is_kernel_told_) return;  // the first that it is told has everything
  bpf::SteerChange change;
  change.scope = scope_;
  tell_kernel(change);
}

/// What nobody is carried by any more the kernel is told at once; what it shall lead to the
/// workers, once they know.
void NodeSteering::lead(NodeChange change) {
  bpf::SteerChange now;
  now.erase = std::move(change.erase);
  for (const Destination& gone : now.erase) waiting_.erase(gone);
  bool waits = false;
  for (auto& [destination, steered] : change.set) {
    if (forwards(steered) || !is_kernel_told_) {
      waiting_.insert_or_assign(destination, Waiting{serial_ + 1, std::move(steered)});
      waits = true;
    } else {
      waiting_.erase(destination);
      now.set.emplace_back(destination, std::move(steered));
    }
  }
  if (is_kernel_told_ && !(now.set.empty() && now.erase.empty())) tell_kernel(now);
  if (!waits && change.entrances.empty() && is_kernel_told_) return;
  parts_.host.lead(std::move(change.entrances),
                   [this, serial = ++serial_, alive = std::weak_ptr(alive_)] {
                     if (!alive.expired()) on_led(serial);
                   });
}

void NodeSteering::on_led(std::uint64_t serial) {
  if (stopped_) return;
  bpf::SteerChange change;
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    if (each->second.serial > serial) {
      ++each;
      continue;
    }
    change.set.emplace_back(each->first, std::move(each->second.steered));
    each = waiting_.erase(each);
  }
  if (!std::exchange(is_kernel_told_, true)) {
    // In one: what a process before this one has left, and is not in it, goes by that.
    change.scope = scope_;
    tell_kernel(change);
    give_sockets();
    repairs_.note(attachment_.check());
    return report_new_problems();
  }
  if (!change.set.empty()) tell_kernel(change);
}

void NodeSteering::tell_kernel(const bpf::SteerChange& change) {
  const error_code error = parts_.kernel.apply(change);
  if (!error) {
    failures_.erase("map");
    return;
  }
  failures_["map"] = "the kernel did not take all that it was told: " + error.message() +
                     "; the log names the entries";
}

void NodeSteering::wait_for_check() {
  // Nobody waits for pins.
  const bool is_well = failures_.empty() && attachment_.why_not_attached().empty();
  check_ = parts_.timers.schedule(is_well ? kCheck : kRetry, [this] {
    check();
    wait_for_check();
  });
}

void NodeSteering::check() {
  open_missing_sockets();
  repairs_.note(parts_.network.check());  // reads the network, which the rest looks at
  refresh_scope();
  if (is_kernel_told_) {
    give_sockets();
    repairs_.note(attachment_.check());
  }
  // What the kernel has refused is tried again with the next that it is told.
  if (failures_.contains("map")) tell_kernel({});
  look_at_host_ports();
  report_new_problems();
}

void NodeSteering::addresses_changed() {
  if (stopped_ || !started_) return;
  check();
  beside_->addresses_changed();
}

void NodeSteering::set_service_cidrs(const std::vector<Cidr>& cidrs) {
  cluster_service_cidrs_ = cidrs;
  if (!stopped_ && started_) refresh_scope();
}

/// F4: the kernel leads a NodePort here whoever listens there; that process goes without clients,
/// which its owner should know.
void NodeSteering::look_at_host_ports() {
  const auto node_ports = claims_.node_ports();
  if (node_ports.empty()) {
    taken_node_ports_.clear();
    return;
  }
  const auto busy = parts_.host_ports();
  if (!busy) return;  // nobody is worse off for not being told
  std::set<std::pair<Protocol, std::uint16_t>> taken;
  for (const auto& [destination, owner] : node_ports) {
    const auto first = busy->lower_bound({destination.protocol, destination.port});
    if (first == busy->end() || first->first != destination.protocol ||
        first->second > destination.last_port) {
      continue;
    }
    if (!taken.insert(*first).second || taken_node_ports_.contains(*first)) continue;
    const ServicePortEntry* entry = table_->find(owner);
    if (entry == nullptr) continue;
    const std::string text = "a process of the host listens on " +
                             std::string(to_string(first->first)) + " port " +
                             std::to_string(first->second) +
                             ", which is a nodePort of the Service: the Service gets its clients; "
                             "stop the process, or give the Service another nodePort";
    log::warn(text, {{"service", entry->service_port.key.to_string()}});
    if (parts_.report) parts_.report(entry->service_port.key.service, "NodePortInUse", text);
  }
  taken_node_ports_ = std::move(taken);
}

void NodeSteering::stop() noexcept {
  stopped_ = true;
  check_.cancel();
  repairs_.stop();
  beside_->stop();
}

void NodeSteering::undo() noexcept {
  parts_.kernel.close(bpf::KernelSteering::Pins::Remove);
  parts_.network.undo();
}

void NodeSteering::report_new_problems() {
  std::vector<ListenProblem> claimed = claims_.problems();
  // Those of Services without clusterIP are named by who listens for them.
  const std::vector<std::string> texts = beside_->not_carried();
  const std::set<std::string> named(texts.begin(), texts.end());
  std::erase_if(claimed, [&named](const ListenProblem& each) { return named.contains(each.text); });
  problem_log_.update(claimed, machine_problems());
}

std::vector<SocketAddress> NodeSteering::listening(ServicePortId id) const {
  std::vector<SocketAddress> all = beside_->listening(id);
  const std::vector<SocketAddress> own = claims_.owned_by(id);
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

std::optional<Entrance> NodeSteering::entrance(Protocol protocol,
                                               const SocketAddress& address) const {
  const bool serves_node_ports =
      address.ip.is_loopback() || is_among(address.ip, scope_.node_port_addresses);
  auto found = entrance_of(claims_, protocol, address, serves_node_ports);
  return found ? found : beside_->entrance(protocol, address);
}

bool NodeSteering::passes(const IpAddress& address) const {
  return address.is_loopback() || is_among(address, scope_.node_addresses);
}

std::vector<std::string> NodeSteering::problems() const {
  std::vector<std::string> all = machine_problems();
  for (ListenProblem& problem : claims_.problems()) {
    if (!is_not_carried(problem)) all.push_back(std::move(problem.text));
  }
  for (std::string& text : beside_->problems()) all.push_back(std::move(text));
  return all;
}

std::vector<std::string> NodeSteering::machine_problems() const {
  std::vector<std::string> all = parts_.network.problems();
  for (const auto& [part, text] : failures_) all.push_back(text);
  if (!why_no_udp_.empty()) all.push_back(why_no_udp_);
  for (const std::string& text : {attachment_.why_not_attached(), attachment_.why_not_pinned()}) {
    if (!text.empty()) all.push_back(text);
  }
  return all;
}

std::vector<std::string> NodeSteering::not_carried() const {
  std::vector<std::string> all;
  for (ListenProblem& problem : claims_.problems()) {
    if (is_not_carried(problem)) all.push_back(std::move(problem.text));
  }
  return all;
}

std::size_t NodeSteering::open_addresses() const noexcept {
  return claims_.size() + beside_->open_addresses();
}

std::size_t NodeSteering::open_sockets() const noexcept {
  return shared_sockets_ + silent_.size() + beside_->open_sockets();
}

/// What the kernel decided by itself, uncounted elsewhere.
void NodeSteering::collect_counts(MetricFamilies& into) const {
  const bpf::SteerCounts counts = parts_.kernel.counts();
  MetricFamily lookups{"wherry_steering_lookups_total",
                       "Connections and datagrams to Services that the kernel led here or turned "
                       "away, by result.",
                       MetricKind::Counter,
                       {}};
  const std::pair<const char*, std::uint64_t> results[] = {
      {"forwarded", counts.forwarded},   {"rejected", counts.rejected},
      {"dropped", counts.dropped},       {"source_ranges", counts.dropped_by_source},
      {"wrong_port", counts.wrong_port}, {"free_address", counts.free_address},
      {"no_socket", counts.no_socket}};
  for (const auto& [result, count] : results) {
    lookups.samples.push_back({{{"result", result}}, static_cast<double>(count)});
  }
  into.push_back(std::move(lookups));
}

void NodeSteering::collect(MetricFamilies& into) const {
  beside_->collect(into);
  into.push_back(single_metric("wherry_steered_destinations",
                               "Addresses, NodePorts and ranges that the kernel leads here.",
                               MetricKind::Gauge, static_cast<double>(claims_.size())));
  into.push_back(single_metric("wherry_steering_routes",
                               "Routes that bring Services' addresses to this machine.",
                               MetricKind::Gauge, static_cast<double>(parts_.network.routes())));
  collect_counts(into);
  into.push_back(single_metric("wherry_steering_attached",
                               "Whether the program that leads clients here is attached.",
                               MetricKind::Gauge, attachment_.is_attached() ? 1 : 0));
  into.push_back(single_metric(
      "wherry_steering_repairs_total",
      "What wherry has set up that somebody took away or changed, and that was put back.",
      MetricKind::Counter, static_cast<double>(repairs_.total())));
  into.push_back(single_metric("wherry_node_ports_taken",
                               "NodePorts on which a process of the host listens, in vain.",
                               MetricKind::Gauge, static_cast<double>(taken_node_ports_.size())));
  into.push_back(single_metric("wherry_steering_problems",
                               "What of steering does not work or is claimed in vain.",
                               MetricKind::Gauge, static_cast<double>(problems().size())));
}

}  // namespace wherry::steer
