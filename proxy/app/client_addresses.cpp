#include "proxy/app/client_addresses.h"

#include "base/log.h"
#include "proxy/steer/local_networks.h"
#include "proxy/transparent/come_from.h"

#include <chrono>
#include <linux/netlink.h>
#include <utility>
#include <variant>

namespace wherry::app {
namespace {

using config::Transparent;
using steer::ReturnPath;

/// As often as the rest of what is ours on the node (R7).
constexpr Duration kCheckEvery = std::chrono::seconds(30);
/// Without the rule or a filter answers go astray, and connections hang: it is put back at once.
/// The pause is for a program that takes away what it sees: to look takes some milliseconds where
/// there are hundreds of interfaces.
constexpr Coalescer::Pace kMendingPace{.settle = std::chrono::milliseconds(2),
                                       .pause = std::chrono::milliseconds(100)};

}  // namespace

ClientAddresses::ClientAddresses(Transparent how, Parts parts)
    : how_(how),
      parts_(std::move(parts)),
      netlink_(NETLINK_ROUTE),
      reader_(netlink_),
      repairs_(parts_.timers),
      // By the network as it was seen last: what of it changes is told besides.
      mending_(parts_.timers, parts_.clock, kMendingPace, [this] { keep(); }) {}

void ClientAddresses::start(const steer::NodeRecord& left) {
  if (how_ != Transparent::Off) why_not_ = open(left);
  if (path_) {
    log::info("backends see the client's own address where their answers come back this way",
              {{"by", how_ == Transparent::Nft ? "nftables" : "tc programs"},
               {"interfaces", path_->interfaces()}});
    parts_.on_owned();
    tell();
    return wait_for_check();
  }
  // What a predecessor had set up would bring answers to sockets that are no more.
  const steer::NetlinkFailure failure = steer::remove_return_path(netlink_, left).failure;
  if (how_ == Transparent::Off) {
    log::info("backends see this node's address", {{"reason", "--transparent off"}});
    if (failure) {
      log::warn("what an earlier run had set up for clients' addresses can't be removed",
                {{"reason", failure.to_string()}, {"remedy", "run \"wherry cleanup\" as root"}});
    }
  } else {
    log::warn("backends see this node's address, not the client's", {{"reason", why_not_}});
  }
  if (!failure) parts_.on_owned();
}

/// Why it can't be had; empty if it can.
std::string ClientAddresses::open(const steer::NodeRecord& left) {
  if (const error_code forbidden = transparent::try_permission(IpFamily::IPv4)) {
    return "sockets with a client's address can't be made (" + forbidden.message() +
           "): grant CAP_NET_ADMIN, or use --transparent off";
  }
  if (!look()) return "the node's interfaces can't be looked at: " + unread_;
  const auto how = how_ == Transparent::Nft ? ReturnPath::How::Nft : ReturnPath::How::Programs;
  auto opened = ReturnPath::open(how, netlink_, now_, left);
  if (auto* why = std::get_if<std::string>(&opened)) return std::move(*why);
  path_ = std::move(std::get<std::unique_ptr<ReturnPath>>(opened));
  return {};
}

bool ClientAddresses::look() {
  auto now = reader_.read();
  unread_ = now ? std::string() : now.error().message();
  if (now) now_ = std::move(*now);
  return unread_.empty();
}

void ClientAddresses::check(steer::NetworkState now) {
  if (!path_) return;
  unread_.clear();
  now_ = std::move(now);
  keep();
}

/// Brings what there is in line with how the network was seen.
void ClientAddresses::keep() {
  const steer::ReturnPathCheck checked = path_->check(now_);
  failure_ = checked.error ? checked.error.message() : std::string();
  repairs_.note(checked.repairs);
  steer::NodeRecord record;
  path_->add_to(record);
  if (record.links != recorded_) {
    recorded_ = std::move(record.links);
    parts_.on_owned();
  }
  tell();
}

void ClientAddresses::mend() {
  if (path_ && !stopped_) mending_.request();
}

void ClientAddresses::node_changed() {
  if (path_) tell();
}

void ClientAddresses::tell() {
  if (stopped_) return;
  const NodePlaces node = parts_.node();
  balancer::LocalNetworks next = steer::local_networks(now_, node.pod_cidrs, node.addresses);
  if (next == told_) return;
  told_ = next;
  parts_.tell(std::make_shared<const balancer::LocalNetworks>(std::move(next)));
}

void ClientAddresses::wait_for_check() {
  check_ = parts_.timers.schedule(kCheckEvery, [this] {
    if (look()) keep();
    wait_for_check();
  });
}

void ClientAddresses::stop() {
  if (std::exchange(stopped_, true)) return;
  check_.cancel();
  mending_.stop();
  repairs_.stop();
  if (path_) parts_.tell(nullptr);
}

void ClientAddresses::undo() {
  stop();
  if (!path_) return;
  if (const auto failure = path_->remove_all()) {
    log::warn("what brings answers to clients' addresses back can't be removed",
              {{"reason", failure.to_string()}, {"remedy", "run \"wherry cleanup\" as root"}});
    return;  // add_to() goes on to list it
  }
  path_.reset();
}

void ClientAddresses::add_to(steer::NodeRecord& record) const {
  if (path_) path_->add_to(record);
}

std::vector<std::string> ClientAddresses::problems() const {
  std::vector<std::string> all = path_ ? path_->problems() : std::vector<std::string>();
  if (!why_not_.empty()) all.push_back("backends see this node's address: " + why_not_);
  for (const std::string& each : {unread_, failure_}) {
    if (each.empty()) continue;
    all.push_back("it can't be looked at whether answers to clients' addresses come back: " + each);
  }
  return all;
}

void ClientAddresses::collect(MetricFamilies& into) const {
  into.push_back(single_metric("wherry_transparent",
                               "1 where backends may see the client's own address.",
                               MetricKind::Gauge, path_ && !stopped_ ? 1 : 0));
  into.push_back(single_metric(
      "wherry_transparent_interfaces", "Interfaces whose program brings backends' answers back.",
      MetricKind::Gauge, path_ ? static_cast<double>(path_->interfaces()) : 0));
  into.push_back(single_metric("wherry_transparent_repairs_total",
                               "Things for clients' addresses that somebody had taken away and "
                               "that were put back.",
                               MetricKind::Counter, static_cast<double>(repairs_.total())));
}

}  // namespace wherry::app
