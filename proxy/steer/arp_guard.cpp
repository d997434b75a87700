#include "proxy/steer/arp_guard.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace wherry::steer {
namespace {

/// 1: of this interface. 2: and of the asker's network. 3: of any interface, scope host left out.
/// 8: nothing. All of them look for an interface's address. 0 and what is reserved ask the routing
/// table alone (Documentation/networking/ip-sysctl.rst).
bool keeps_vips_silent(std::uint32_t ignore) { return (ignore >= 1 && ignore <= 3) || ignore == 8; }

constexpr std::uint32_t kIgnoreRoutes = 3;
constexpr std::uint32_t kIgnoreOtherInterfaces = 1;
constexpr std::uint32_t kAnnounceBest = 2;

}  // namespace

std::optional<ArpValues> arp_values_for(const Interface& interface, const ArpValues& of_all,
                                        ArpMode mode) {
  if (!interface.has_arp || !interface.arp) return std::nullopt;
  ArpValues wanted = *interface.arp;
  // The larger one of the two counts.
  const std::uint32_t ignore = std::max(wanted.ignore, of_all.ignore);
  const bool is_strict_enough =
      mode == ArpMode::RoutesAreSilent || ignore == 1 || ignore == 2 || ignore == 8;
  if (!keeps_vips_silent(ignore) || !is_strict_enough) {
    wanted.ignore = mode == ArpMode::Strict ? kIgnoreOtherInterfaces : kIgnoreRoutes;
  }
  if (std::max(wanted.announce, of_all.announce) < kAnnounceBest) wanted.announce = kAnnounceBest;
  if (wanted == *interface.arp) return std::nullopt;
  return wanted;
}

std::vector<std::string> interfaces_like_ours(const NetworkState& now) {
  std::vector<std::string> found;
  for (const Interface& interface : now.interfaces) {
    if (!interface.has_arp || !interface.arp) continue;
    const auto& [ignore, announce] = *interface.arp;
    if (ignore != kIgnoreRoutes && ignore != kIgnoreOtherInterfaces && announce != kAnnounceBest) {
      continue;
    }
    found.push_back(interface.name + " (" + std::to_string(ignore) + ", " +
                    std::to_string(announce) + ')');
  }
  return found;
}

ArpGuard::ArpGuard(ArpSwitch& arp, ArpMode mode, OnOwned on_owned)
    : arp_(arp), mode_(mode), on_owned_(std::move(on_owned)) {}

void ArpGuard::adopt(const std::vector<ArpChange>& left) {
  for (const ArpChange& change : left) owned_.insert_or_assign(change.interface, change);
}

std::size_t ArpGuard::check(const NetworkState& now) {
  const auto before = owned_;
  problems_.clear();
  // A namespace does not use an index again before it has had two billion interfaces.
  std::erase_if(owned_, [&now](const auto& each) {
    return std::none_of(now.interfaces.begin(), now.interfaces.end(),
                        [&each](const Interface& i) { return i.index == each.first; });
  });
  std::vector<ArpChange> to_do;
  for (const Interface& interface : now.interfaces) {
    const auto values = arp_values_for(interface, now.arp_of_all, mode_);
    if (!values) continue;
    const auto ours = owned_.find(interface.index);
    ArpChange change{interface.index, interface.name,
                     ours == owned_.end() ? *interface.arp : ours->second.before, *values};
    owned_.insert_or_assign(interface.index, change);
    to_do.push_back(std::move(change));
  }
  if (owned_ != before) on_owned_(owned());
  std::size_t restored = 0;
  const std::set<unsigned> refused_before = std::exchange(refused_, {});
  for (const ArpChange& change : to_do) {
    if (const auto failure = arp_.set(change.interface, change.set)) {
      refused_.insert(change.interface);
      problems_.push_back("interface " + change.name +
                          " goes on to answer ARP for VIPs, because arp_ignore and arp_announce "
                          "can't be set: " +
                          failure.to_string() + "; set net.ipv4.conf." + change.name +
                          ".arp_ignore to " + std::to_string(change.set.ignore) +
                          " and .arp_announce to " + std::to_string(change.set.announce));
    } else if (before.contains(change.interface) && !refused_before.contains(change.interface)) {
      ++restored;
    }
  }
  return restored;
}

std::vector<std::string> ArpGuard::restore(const NetworkState& now) {
  std::vector<std::string> left;
  for (const Interface& interface : now.interfaces) {
    const auto ours = owned_.find(interface.index);
    if (ours == owned_.end() || !interface.arp) continue;
    const ArpChange& change = ours->second;
    // What somebody has set since is theirs.
    ArpValues back = *interface.arp;
    if (back.ignore == change.set.ignore) back.ignore = change.before.ignore;
    if (back.announce == change.set.announce) back.announce = change.before.announce;
    if (back == *interface.arp) continue;
    if (const auto failure = arp_.set(interface.index, back)) {
      left.push_back("net.ipv4.conf." + interface.name +
                     ".arp_ignore and .arp_announce are left at " +
                     std::to_string(interface.arp->ignore) + " and " +
                     std::to_string(interface.arp->announce) + ": " + failure.to_string());
    }
  }
  if (left.empty()) {
    owned_.clear();
    on_owned_({});
  }
  return left;
}

std::vector<ArpChange> ArpGuard::owned() const {
  std::vector<ArpChange> all;
  for (const auto& [index, change] : owned_) all.push_back(change);
  return all;
}

}  // namespace wherry::steer
