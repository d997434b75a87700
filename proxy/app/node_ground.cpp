#include "proxy/app/node_ground.h"

#include "base/clock.h"
#include "base/log.h"
#include "proxy/app/capabilities.h"
#include "proxy/app/steering_choice.h"
#include "proxy/bpf/capability.h"
#include "proxy/bpf/pin_folder.h"
#include "proxy/steer/leftovers.h"
#include "proxy/steer/local_routes.h"
#include "proxy/steer/mark_rule.h"
#include "proxy/steer/netlink.h"
#include "proxy/steer/packet_filters.h"
#include "proxy/steer/return_path.h"
#include "watcher/model/timestamp.h"

#include <climits>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <unistd.h>
#include <utility>

namespace wherry::app {
namespace {

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

steer::NodeOwner self() {
  return {::getpid(), model::format_timestamp(SystemClock().wall()), host_name()};
}

/// What a process before this one has left. What can't be read is known by its protocol number.
steer::NodeRecord read_record(const std::string& run_dir, const steer::NetworkNamespace& node) {
  auto read = steer::read_node_record(run_dir, node);
  if (const auto* wrong = std::get_if<std::string>(&read)) {
    log::warn(*wrong);
    return {};
  }
  return std::get<std::optional<steer::NodeRecord>>(read).value_or(steer::NodeRecord());
}

steer::PodInterfaceRule pods_of(const config::Options& options) {
  switch (options.detect_local_mode) {
    case config::DetectLocalMode::BridgeInterface:
      return {options.pod_bridge_interface, {}};
    case config::DetectLocalMode::InterfaceNamePrefix:
      return {{}, options.pod_interface_name_prefix};
    default:
      return {};
  }
}

steer::ArpMode arp_mode_of(const config::Options& options) {
  return options.strict_arp ? steer::ArpMode::Strict : steer::ArpMode::RoutesAreSilent;
}

std::variant<steer::NodeLock, NodeRefusal> take_lock(const config::Options& options,
                                                     const steer::NetworkNamespace& node) {
  auto lock = steer::NodeLock::take(options.run_dir, node, self());
  if (auto* refusal = std::get_if<steer::NodeLockRefusal>(&lock)) {
    return NodeRefusal{
        refusal->is_taken ? NodeRefusal::Kind::Taken : NodeRefusal::Kind::Unavailable,
        std::move(refusal->text)};
  }
  return std::move(std::get<steer::NodeLock>(lock));
}

}  // namespace

std::string pin_folder_of(const steer::NetworkNamespace& node) {
  return "/sys/fs/bpf/wherry/netns-" + std::to_string(node.inode);
}

NodeGround::NodeGround(Key, std::string run_dir, steer::NetworkNamespace node, steer::NodeLock lock)
    : run_dir_(std::move(run_dir)), node_(node), lock_(std::move(lock)) {}

std::variant<std::unique_ptr<NodeGround>, NodeRefusal> NodeGround::take(
    const config::Options& options) {
  if (!has_capability(CAP_NET_ADMIN)) {
    return NodeRefusal{NodeRefusal::Kind::Privilege,
                       "CAP_NET_ADMIN is missing, without which no route can be set; grant it, or "
                       "give --steering bind"};
  }
  const auto node = steer::own_network_namespace();
  if (!node) {
    return NodeRefusal{NodeRefusal::Kind::Unavailable,
                       "the network namespace can't be told: " + node.error().message() +
                           "; let the process read /proc/self/ns/net"};
  }
  auto lock = take_lock(options, *node);
  if (auto* refusal = std::get_if<NodeRefusal>(&lock)) return std::move(*refusal);
  auto ground = std::make_unique<NodeGround>(Key{}, options.run_dir, *node,
                                             std::move(std::get<steer::NodeLock>(lock)));
  ground->record_ = read_record(options.run_dir, *node);
  ground->record_.owner = self();
  ground->record_.route_protocols = {steer::kRouteProtocol};
  ground->network_ = std::make_unique<steer::KernelNetwork>(
      pods_of(options), arp_mode_of(options), ground->record_.arp,
      [self = ground.get()](const std::vector<steer::ArpChange>& owned) {
        self->record_.arp = owned;
        self->save();
      });
  ground->open_program();
  ground->save();
  return ground;
}

void NodeGround::warn_of_leftovers(bool beside) const {
  steer::NetlinkSocket netfilter(NETLINK_NETFILTER);
  const auto filters = steer::read_packet_filters(netfilter);
  if (!filters) {
    log::info("whether other rules take Services' packets can't be told",
              {{"reason", filters.error().message()}});
    return;
  }
  for (const steer::Leftover& each : steer::leftovers(*filters, network_->state())) {
    using Kind = steer::Leftover::Kind;
    if (!beside || each.kind == Kind::InputDrop) {
      log::warn(each.text);
    } else if (each.kind == Kind::KubeProxyNftables) {
      log::info("kube-proxy's mode nftables drops what this node itself sends to our clusterIPs",
                {{"remedy",
                  "let processes on the node's network use another address of the Service, or run "
                  "kube-proxy in mode iptables"}});
    }
  }
}

void NodeGround::open_program() {
  bpf::LibbpfOptions options;
  options.pin_folder = pin_folder_of(node_);
  program_ = bpf::LibbpfSteering::adopt(options);
  if (program_) {
    record_.pins = {options.pin_folder};
    return;
  }
  const bpf::Capability capability = bpf::find_capability();
  if (!capability.can_steer()) {
    why_no_program_ = capability.why_not();
    return;
  }
  if (const bpf::Ability pins = bpf::can_pin(options.pin_folder)) {
    record_.pins = {options.pin_folder};
  } else {
    options.pin_folder.clear();
    log::warn("nothing is pinned: while wherry is restarted Services' addresses are the host's",
              {{"reason", pins.lacks}});
  }
  auto opened = bpf::LibbpfSteering::open(options);
  if (!opened) {
    why_no_program_ = "the kernel did not take the program: " + opened.error().message();
    return;
  }
  program_ = std::move(*opened);
}

void NodeGround::save() {
  const error_code error = steer::write_node_record(run_dir_, node_, record_);
  if (!error) return;
  log::warn("what is set up on this node can't be written down; wherry cleanup may miss some of it",
            {{"folder", run_dir_},
             {"reason", error.message()},
             {"remedy", "let the process write there, or give --run-dir"}});
}

void NodeGround::release() {
  record_ = {};
  save();
}

namespace {

void clean_kube_proxy(Cleaned& cleaned) {
  steer::NetlinkSocket route(NETLINK_ROUTE);
  steer::NetlinkSocket netfilter(NETLINK_NETFILTER);
  steer::NetlinkSocket generic(NETLINK_GENERIC);
  const auto network = steer::NetlinkReader(route).read();
  if (!network) {
    cleaned.left.push_back(
        "kube-proxy's rules stay, because this machine's network can't be read: " +
        network.error().message() + "; allow the process netlink");
    return;
  }
  steer::KubeProxyRemoval removal = steer::remove_kube_proxy({netfilter, route, generic}, *network);
  std::move(removal.left.begin(), removal.left.end(), std::back_inserter(cleaned.left));
  cleaned.done.push_back("looked for kube-proxy's rules, and removed what could be removed");
  std::move(removal.notes.begin(), removal.notes.end(), std::back_inserter(cleaned.done));
}

/// kube-proxy's rules are not the running one's, and take its packets: they can go meanwhile.
Cleaned clean_beside(const std::string& holder, bool kube_proxy) {
  const std::string who = "the wherry that steers this node's network namespace (" + holder + ")";
  Cleaned cleaned;
  if (!kube_proxy) {
    cleaned.left.push_back(who +
                           " runs, and is left alone with all that it has set up: stop it, upon "
                           "which it takes everything back itself");
    return cleaned;
  }
  cleaned.done.push_back(who + " runs, and is left alone with all that it has set up");
  clean_kube_proxy(cleaned);
  cleaned.conclusion = "nothing is left of kube-proxy";
  return cleaned;
}

/// What an interface did with ARP before is in the record alone.
std::string conclusion(bool has_record, const steer::NetworkNamespace& node,
                       const std::string& run_dir, const steer::NetworkState& network) {
  std::string interfaces;
  for (const std::string& each : steer::interfaces_like_ours(network)) {
    interfaces += (interfaces.empty() ? "" : ", ") + each;
  }
  if (has_record || interfaces.empty()) return "nothing is left of steering node";
  return "nothing else is left of steering node, but it can't be told whether wherry or somebody "
         "else has set arp_ignore and arp_announce of " +
         interfaces + ": there is no record that can be used, which would be " +
         steer::node_record_path(run_dir, node) +
         "; give the --run-dir of the wherry that was killed, or set net.ipv4.conf.NAME.arp_ignore "
         "and .arp_announce by hand (the kernel's own are 0)";
}

}  // namespace

Cleaned clean_node(const config::Options& options, bool kube_proxy) {
  Cleaned cleaned;
  std::vector<std::string>& done = cleaned.done;
  std::vector<std::string>& left = cleaned.left;
  const auto node = steer::own_network_namespace();
  if (!node) {
    left.push_back("the network namespace can't be told: " + node.error().message());
    return cleaned;
  }
  auto lock = steer::NodeLock::take(options.run_dir, *node, self());
  if (const auto* refusal = std::get_if<steer::NodeLockRefusal>(&lock)) {
    if (refusal->is_taken) return clean_beside(refusal->holder, kube_proxy);
    left.push_back(refusal->text);
    return cleaned;
  }
  steer::NodeRecord record = read_record(options.run_dir, *node);
  // One that another namespace has left lists pins only.
  const bool has_record = !record.route_protocols.empty();

  // The program first: as long as it is there it refuses what nobody takes any more.
  std::vector<std::string> folders = record.pins;
  if (folders.empty()) folders.push_back(pin_folder_of(*node));
  record.pins.clear();
  for (const std::string& folder : folders) {
    std::error_code ignored;
    if (!std::filesystem::exists(folder, ignored)) continue;
    if (const error_code error = bpf::PinFolder::remove_all(folder)) {
      left.push_back(folder + " can't be removed: " + error.message() +
                     "; run this as root, where that folder is");
      record.pins.push_back(folder);
    } else {
      done.push_back("removed " + folder);
    }
  }

  steer::NetlinkSocket netlink(NETLINK_ROUTE);
  steer::NetlinkLocalRoutes routes(netlink);
  const auto there = routes.list();
  steer::KernelNetwork network(
      {}, arp_mode_of(options), record.arp,
      [&](const std::vector<steer::ArpChange>& owned) { record.arp = owned; });
  const std::size_t arp_before = record.arp.size();
  std::vector<std::string> kept = network.take_back();
  left.insert(left.end(), kept.begin(), kept.end());
  if (there && !there->empty()) {
    done.push_back("removed routes of Services: " + std::to_string(there->size()));
  }
  if (arp_before > record.arp.size()) {
    done.push_back("gave interfaces their handling of ARP back: " +
                   std::to_string(arp_before - record.arp.size()));
  }

  const steer::RemovedReturnPath removed = steer::remove_return_path(netlink, record);
  if (removed.failure) {
    left.push_back("what brings answers to clients' addresses back can't be removed: " +
                   removed.failure.to_string());
  } else {
    record.links.clear();
  }
  if (removed.links > 0) {
    done.push_back("removed programs and qdiscs of interfaces: " + std::to_string(removed.links));
  }
  const auto rules = steer::list_mark_rules(netlink);
  if (rules) {
    record.mark_rules.clear();
    for (const steer::MarkRuleSpec& spec : *rules) {
      if (const auto failure = steer::MarkRule(netlink, spec).remove()) {
        left.push_back("a rule for marked packets can't be removed: " + failure.to_string());
        record.mark_rules.push_back(spec);
      } else {
        done.push_back("removed the rule for packets with mark " + std::to_string(spec.mark));
      }
    }
  } else {
    left.push_back("rules can't be listed: " + rules.error().message());
  }
  if (kube_proxy) clean_kube_proxy(cleaned);
  if (left.empty()) record = {};
  if (const error_code error = steer::write_node_record(options.run_dir, *node, record)) {
    left.push_back(steer::node_record_path(options.run_dir, *node) +
                   " can't be written: " + error.message());
  }
  cleaned.conclusion = conclusion(has_record, *node, options.run_dir, network.state());
  return cleaned;
}

}  // namespace wherry::app
