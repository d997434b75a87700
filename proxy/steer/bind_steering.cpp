#include "proxy/steer/bind_steering.h"

#include "balancer/table_diff.h"
#include "base/log.h"
#include "proxy/steer/source_program.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace wherry::steer {
namespace {

using balancer::BackendTable;
using balancer::Entrance;
using balancer::ServicePortEntry;
using balancer::ServicePortId;

constexpr Duration kRetry = std::chrono::seconds(2);

/// What can be done about a port that can't be opened.
std::string remedy(const SocketAddress& address, const error_code& error) {
  namespace errc = boost::system::errc;
  if (error == errc::address_in_use) {
    return "another process listens there; stop it, or give the Service the annotation "
           "wherry.io/listen-address";
  }
  if (error == errc::permission_denied) {
    return "ports below 1024 need CAP_NET_BIND_SERVICE; grant it, or give --port-offset (with 8000 "
           "port " +
           std::to_string(address.port) + " becomes " + std::to_string(address.port + 8000) + ")";
  }
  if (error == errc::address_not_available) {
    return "it is no address of this machine; add it, or listen elsewhere with --listen-address";
  }
  if (error == errc::too_many_files_open) {
    return "the limit on open files is reached (sessions need some too); raise it (ulimit -n, "
           "LimitNOFILE)";
  }
  return "it is tried again every few seconds";
}

}  // namespace

BindSteering::BindSteering(ListenRules rules, const LocalAddresses& local_addresses,
                           ListenerHost& host, Timers& timers, OpenListenSockets open,
                           std::size_t most_sockets, std::function<void()> on_change,
                           ReportService report)
    : claims_(std::move(rules), local_addresses),
      host_(host),
      timers_(timers),
      open_(std::move(open)),
      most_sockets_(most_sockets),
      on_change_(std::move(on_change)),
      table_(std::make_shared<const BackendTable>()),
      problem_log_(std::move(report)) {}

void BindSteering::apply(std::shared_ptr<const BackendTable> next) {
  const auto old = std::exchange(table_, std::move(next));
  apply_difference(*old);
}

void BindSteering::apply_difference(const BackendTable& old) {
  const balancer::TableDiff difference = balancer::diff(old, *table_);
  std::set<ListenAddress> touched;
  bool claims_changed = !difference.added.empty() || !difference.removed.empty();
  for (const ServicePortId id : difference.removed) touched.merge(claims_.remove(id));
  for (const ServicePortId id : difference.changed) {
    const ServicePortEntry& entry = *table_->find(id);
    const ServicePortEntry* before = old.find(id);
    if (before != nullptr && before->service_port == entry.service_port) {
      // Only its endpoints changed: whoever owned its addresses still does.
      for (const SocketAddress& address : claims_.owned_by(id)) {
        touched.insert({address, entry.service_port.key.protocol});
      }
    } else {
      touched.merge(claims_.update(entry));
      claims_changed = true;
    }
  }
  // The oldest first, so that the pool's addresses do not depend on the order of slots.
  std::vector<const ServicePortEntry*> added;
  for (const ServicePortId id : difference.added) added.push_back(table_->find(id));
  std::sort(added.begin(), added.end(), [](const ServicePortEntry* a, const ServicePortEntry* b) {
    const WallTime a_created = a->service_port.created.value_or(WallTime::max());
    const WallTime b_created = b->service_port.created.value_or(WallTime::max());
    return std::tie(a_created, a->service_port.key) < std::tie(b_created, b->service_port.key);
  });
  for (const ServicePortEntry* entry : added) touched.merge(claims_.update(*entry));
  if (claims_changed) {
    for (const ServicePortId id : claims_.misplaced()) {
      touched.merge(claims_.update(*table_->find(id)));
    }
  }
  if (old.node() != table_->node()) {
    // Who is a pod of this node, and which ranges have its address, may have changed everywhere.
    for (const auto& [address, place] : places_) touched.insert(address);
  }
  settle(touched);
  if (claims_changed) problem_log_.update(claims_.problems(), {});
}

void BindSteering::addresses_changed() {
  std::set<ListenAddress> touched;
  table_->for_each([&](const ServicePortEntry& entry) { touched.merge(claims_.update(entry)); });
  settle(touched);
  problem_log_.update(claims_.problems(), {});
}

void BindSteering::stop() noexcept {
  stopped_ = true;
  retry_.cancel();
}

void BindSteering::settle(const std::set<ListenAddress>& addresses) {
  for (const ListenAddress& address : addresses) settle(address);
}

/// Brings what is open at one address in line with who owns it.
void BindSteering::settle(const ListenAddress& address) {
  if (stopped_) return;
  std::optional<Entrance> wanted = claims_.entrance(address);
  if (wanted) {
    const ServicePortEntry* entry = table_->find(wanted->service_port);
    if (entry == nullptr || !balancer::is_served(*entry, wanted->kind)) wanted.reset();
  }
  const auto known = places_.find(address);
  if (known == places_.end() && !wanted) return;
  Place& place = places_[address];
  switch (place.state) {
    case Place::State::Closing:
      return;  // looked at again when it is closed
    case Place::State::Open:
      if (!wanted) return close(address, place);
      return update_open(address, place, *wanted);
    case Place::State::Closed:
    case Place::State::Busy:
      if (!wanted) {
        places_.erase(address);
        return;
      }
      return open(address, place, *wanted);
  }
}

void BindSteering::update_open(const ListenAddress& address, Place& place, Entrance wanted) {
  if (place.served != wanted) {
    place.served = wanted;
    host_.retarget(address, wanted);
  }
  balancer::ClientFilter clients = clients_of(address, wanted);
  if (clients == place.clients) return;
  place.clients = std::move(clients);
  host_.filter(address, place.clients);
}

/// Everybody, of UDP: the workers look at every client, and a flow outlives the policy under which
/// it began.
balancer::ClientFilter BindSteering::clients_of(const ListenAddress& address,
                                                Entrance entrance) const {
  if (address.protocol != Protocol::TCP) return {};
  return balancer::client_filter(*table_->find(entrance.service_port), entrance.kind,
                                 table_->node());
}

void BindSteering::open(const ListenAddress& address, Place& place, Entrance entrance) {
  if (is_overlapped(address)) {
    places_.erase(address);  // looked at again when that is closed
    return;
  }
  auto sockets = open_sockets_at(address);
  if (!sockets) return set_busy(address, place, sockets.error());
  if (place.state == Place::State::Busy) {
    log::info("a service port can be opened now", {{"address", address.to_string()}});
  }
  const auto count = static_cast<std::size_t>(std::count_if(
      sockets->begin(), sockets->end(), [](const UniqueFd& each) { return bool(each); }));
  const ServicePortEntry& entry = *table_->find(entrance.service_port);
  place = {Place::State::Open, entrance, clients_of(address, entrance), count, {}};
  open_sockets_ += count;
  const auto program = source_program(place.clients, address.address.ip.family());
  error_code no_filter;
  for (const UniqueFd& socket : *sockets) {
    if (!socket || program.empty()) continue;
    if (const error_code failed = attach(socket.get(), program)) {
      ++filter_failures_;
      no_filter = failed;
    }
  }
  if (no_filter) warn_of_no_filter(address.address, no_filter);
  host_.open(address, entrance, std::move(*sockets));
  log::debug("listening", {{"address", address.to_string()},
                           {"kind", to_string(entrance.kind)},
                           {"service", entry.service_port.key.to_string()}});
}

/// One socket for each worker, or, where there are too many addresses for that, one for one of
/// them.
Result<std::vector<UniqueFd>> BindSteering::open_sockets_at(const ListenAddress& address) {
  const std::size_t count = sockets_for_one();
  if (count == 0) {
    return boost::system::errc::make_error_code(boost::system::errc::too_many_files_open);
  }
  auto opened = open_(address, count);
  if (!opened || count == host_.workers()) return opened;
  std::vector<UniqueFd> sockets(host_.workers());
  for (UniqueFd& socket : *opened) sockets[next_worker_++ % sockets.size()] = std::move(socket);
  return sockets;
}

std::size_t BindSteering::sockets_for_one() const {
  const std::size_t left = most_sockets_ - std::min(most_sockets_, open_sockets_);
  const std::size_t unopened = std::max<std::size_t>(1, claims_.size() - open_addresses());
  const std::size_t share = std::min(host_.workers(), left / unopened);
  const bool is_comfortable = open_sockets_ + share <= most_sockets_ / 2;
  return share > 0 && is_comfortable ? share : std::min<std::size_t>(1, left);
}

/// Whether a listener is still there with which this one can't be opened.
bool BindSteering::is_overlapped(const ListenAddress& address) const {
  const auto is_open = [this](const ListenAddress& other) {
    const auto place = places_.find(other);
    return place != places_.end() && (place->second.state == Place::State::Open ||
                                      place->second.state == Place::State::Closing);
  };
  const auto& [ip, port] = address.address;
  if (!ip.is_unspecified()) {
    return is_open({{IpAddress::any(ip.family()), port}, address.protocol});
  }
  return std::any_of(places_.begin(), places_.end(), [&](const auto& entry) {
    const ListenAddress& other = entry.first;
    return other != address && other.protocol == address.protocol &&
           other.address.port == address.address.port &&
           other.address.ip.family() == address.address.ip.family() && is_open(other);
  });
}

void BindSteering::close(const ListenAddress& address, Place& place) {
  place.state = Place::State::Closing;
  host_.close(address, [this, address, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    open_sockets_ -= places_.at(address).sockets;
    places_.erase(address);
    settle(address);
    for (const ListenAddress& other : claims_.overlapping(address)) settle(other);
    on_change_();
  });
}

void BindSteering::set_busy(const ListenAddress& address, Place& place, const error_code& error) {
  const bool is_news = place.state != Place::State::Busy || place.reason != error.message();
  place.state = Place::State::Busy;
  place.reason = error.message();
  if (is_news) {
    const auto owner = claims_.owner(address);
    log::error("a service port can't be opened; it is tried again every few seconds",
               {{"service", table_->find(*owner)->service_port.key.to_string()},
                {"address", address.to_string()},
                {"reason", place.reason},
                {"remedy", remedy(address.address, error)}});
  }
  if (!retry_.is_waiting()) retry_ = timers_.schedule(kRetry, [this] { retry_busy(); });
}

void BindSteering::retry_busy() {
  std::set<ListenAddress> busy;
  for (const auto& [address, place] : places_) {
    if (place.state == Place::State::Busy) busy.insert(address);
  }
  settle(busy);
  on_change_();
}

std::vector<SocketAddress> BindSteering::listening(ServicePortId id) const {
  std::vector<SocketAddress> addresses = claims_.owned_by(id);
  const ServicePortEntry* entry = table_->find(id);
  const Protocol protocol = entry == nullptr ? Protocol::TCP : entry->service_port.key.protocol;
  std::erase_if(addresses, [&](const SocketAddress& address) {
    const auto place = places_.find({address, protocol});
    return place != places_.end() && place->second.state == Place::State::Busy;
  });
  return addresses;
}

std::vector<std::string> BindSteering::claim_texts(bool not_carried) const {
  std::vector<std::string> all;
  for (ListenProblem& problem : claims_.problems()) {
    if ((problem.kind == ListenProblem::Kind::NotCarried) == not_carried) {
      all.push_back(std::move(problem.text));
    }
  }
  return all;
}

std::vector<std::string> BindSteering::not_carried() const { return claim_texts(true); }

std::vector<std::string> BindSteering::problems() const {
  std::vector<std::string> all = claim_texts(false);
  for (const auto& [address, place] : places_) {
    if (place.state != Place::State::Busy) continue;
    const auto owner = claims_.owner(address);
    const ServicePortEntry* entry = owner ? table_->find(*owner) : nullptr;
    if (entry == nullptr) continue;
    all.push_back("service port " + entry->service_port.key.to_string() + ": " +
                  address.to_string() + " can't be opened: " + place.reason);
  }
  return all;
}

std::size_t BindSteering::open_addresses() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(places_.begin(), places_.end(),
                    [](const auto& entry) { return entry.second.state == Place::State::Open; }));
}

bool BindSteering::carries_udp() const noexcept {
  return std::any_of(places_.begin(), places_.end(), [](const auto& entry) {
    return entry.first.protocol == Protocol::UDP && entry.second.state == Place::State::Open;
  });
}

void BindSteering::collect(MetricFamilies& into) const {
  const auto busy = std::count_if(places_.begin(), places_.end(), [](const auto& entry) {
    return entry.second.state == Place::State::Busy;
  });
  into.push_back(single_metric("wherry_busy_ports",
                               "Addresses of service ports that can't be opened.",
                               MetricKind::Gauge, static_cast<double>(busy)));
  into.push_back(single_metric("wherry_listeners", "Addresses that clients can connect to.",
                               MetricKind::Gauge, static_cast<double>(open_addresses())));
  into.push_back(
      single_metric("wherry_listen_conflicts",
                    "Service ports that lost their address to an older one, or have none.",
                    MetricKind::Gauge, static_cast<double>(claim_texts(false).size())));
}

}  // namespace wherry::steer
