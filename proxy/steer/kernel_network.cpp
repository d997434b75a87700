#include "proxy/steer/kernel_network.h"

#include "base/log.h"

#include <algorithm>
#include <linux/netlink.h>
#include <utility>

namespace wherry::steer {

bool PodInterfaceRule::matches(const std::string& interface) const {
  return (!name.empty() && interface == name) || (!prefix.empty() && interface.starts_with(prefix));
}

KernelNetwork::KernelNetwork(PodInterfaceRule pods, ArpMode arp, const std::vector<ArpChange>& left,
                             ArpGuard::OnOwned on_owned)
    : pods_(std::move(pods)),
      netlink_(NETLINK_ROUTE),
      reader_(netlink_),
      local_routes_(netlink_),
      arp_switch_(netlink_),
      keeper_(local_routes_),
      arp_(arp_switch_, arp, std::move(on_owned)) {
  arp_.adopt(left);
  refresh();
}

bool KernelNetwork::refresh() {
  auto state = reader_.read();
  is_current_ = state.has_value();
  if (!state) {
    unreadable_ = "this machine's network can't be read: " + state.error().message() +
                  "; allow the process netlink";
    return false;
  }
  unreadable_.clear();
  state_ = std::move(*state);
  return true;
}

std::vector<IpAddress> KernelNetwork::addresses() const {
  std::vector<IpAddress> all;
  for (const Interface& interface : state_.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) {
      if (!address.ip.is_loopback()) all.push_back(address.ip);
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<unsigned> KernelNetwork::pod_interfaces() const {
  std::vector<unsigned> all;
  for (const Interface& interface : state_.interfaces) {
    if (pods_.matches(interface.name)) all.push_back(interface.index);
  }
  return all;
}

void KernelNetwork::configure(const std::vector<Cidr>& service_cidrs,
                              const std::vector<IpAddress>& node_addresses) {
  RouteChange change;
  // Of each family the node's own, where the machine has it; else what it calls itself.
  std::vector<IpAddress> sources;
  const std::vector<IpAddress> machine = addresses();
  for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
    const auto usable = [&](const IpAddress& ip) {
      const InterfaceAddress* found = state_.find(ip);
      return ip.family() == family && found != nullptr && !found->is_tentative &&
             !found->is_link_local && !ip.is_loopback();
    };
    auto found = std::find_if(node_addresses.begin(), node_addresses.end(), usable);
    if (found != node_addresses.end()) {
      sources.push_back(*found);
      continue;
    }
    const auto own = std::find_if(machine.begin(), machine.end(), usable);
    if (own != machine.end()) sources.push_back(*own);
  }
  if (sources != node_addresses_) change.node_addresses = sources;
  if (service_cidrs != service_cidrs_) change.service_cidrs = service_cidrs;
  node_addresses_ = std::move(sources);
  service_cidrs_ = service_cidrs;
  if (change.node_addresses || change.service_cidrs) keeper_.want(change);
}

void KernelNetwork::route(const std::vector<IpAddress>& add, const std::vector<IpAddress>& remove) {
  if (add.empty() && remove.empty()) return;
  keeper_.want({add, remove, std::nullopt, std::nullopt});
}

Repairs KernelNetwork::check() {
  Repairs repairs;
  if (!refresh()) return repairs;
  // Before the routes: no moment at which a neighbour is told that a VIP is here.
  const std::size_t set_back = arp_.check(state_);
  if (set_back > 0) repairs["arp_ignore and arp_announce of interfaces"] = set_back;
  const auto done = keeper_.check(state_);
  if (!done) {
    unreadable_ = "this machine's routes can't be listed: " + done.error().message() +
                  "; allow the process netlink";
    return repairs;
  }
  if (done->removed > 0) {
    log::info("routes that a process before this one has left were removed",
              {{"routes", done->removed}});
  }
  if (done->restored > 0) repairs["routes of Services"] = done->restored;
  return repairs;
}

std::vector<std::string> KernelNetwork::problems() const {
  std::vector<std::string> all = arp_.problems();
  if (!unreadable_.empty()) all.push_back(unreadable_);
  for (const RouteProblem& problem : keeper_.problems()) all.push_back(problem.text);
  return all;
}

std::vector<std::string> KernelNetwork::take_back() {
  std::vector<std::string> left;
  refresh();
  for (const RouteProblem& problem : keeper_.remove_all()) left.push_back(problem.text);
  for (std::string& text : arp_.restore(state_)) left.push_back(std::move(text));
  if (!unreadable_.empty()) left.push_back(unreadable_);
  return left;
}

void KernelNetwork::undo() noexcept {
  for (const std::string& text : take_back()) log::error(text);
}

}  // namespace wherry::steer
