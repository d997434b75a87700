#include "proxy/health/health_check_ports.h"

#include "base/log.h"
#include "proxy/http/lasting_port.h"

#include <utility>

namespace wherry::health {
namespace {

constexpr const char* kBusyRemedy = "stop what listens there; it is tried again every 5 s";
constexpr const char* kNoAddress =
    "no address of this node is one of those of --nodeport-addresses";
constexpr const char* kNoAddressRemedy =
    "name a block in which this node has an address; it listens once there is one";

std::string describe(const HealthCheckKey& key, const SocketAddress& address,
                     const std::string& reason) {
  const std::string where =
      address.ip.is_unspecified() ? std::string(to_string(key.family)) : address.ip.to_string();
  return "failed to start healthcheck \"" + key.service.to_string() + "\" on port " +
         std::to_string(address.port) + " (" + where + "): " + reason;
}

}  // namespace

HealthCheckPorts::HealthCheckPorts(asio::io_context& loop, Timers& timers, std::string node_name,
                                   std::function<bool()> healthy, Failed failed)
    : timers_(timers),
      node_name_(std::move(node_name)),
      healthy_(std::move(healthy)),
      failed_(std::move(failed)),
      checks_(node_name_),
      server_(loop),
      addresses_{IpAddress::any(IpFamily::IPv4), IpAddress::any(IpFamily::IPv6)} {}

void HealthCheckPorts::apply(const balancer::BackendTable& table, const balancer::TableDiff& diff) {
  checks_.apply(table, diff);
  open_and_close();
}

void HealthCheckPorts::stop() {
  stopped_ = true;
  again_.cancel();
  server_.stop();
  open_.clear();
}

void HealthCheckPorts::listen_on(std::set<IpAddress> addresses) {
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  open_and_close();
}

std::vector<std::string> HealthCheckPorts::problems() const {
  std::vector<std::string> all;
  for (const auto& [place, reason] : busy_) {
    all.push_back(describe(place.first, place.second, reason));
  }
  return all;
}

/// Where a family has no address its wildcard stands for that: nothing is opened there.
std::set<HealthCheckPorts::Place> HealthCheckPorts::wanted() const {
  std::set<Place> all;
  for (const auto& [key, check] : checks_.all()) {
    bool has_address = false;
    for (const IpAddress& ip : addresses_) {
      if (ip.family() != key.family) continue;
      has_address = true;
      all.emplace(key, SocketAddress{ip, check.port});
    }
    if (!has_address) all.emplace(key, SocketAddress{IpAddress::any(key.family), check.port});
  }
  return all;
}

void HealthCheckPorts::open_and_close() {
  if (stopped_) return;
  const std::set<Place> places = wanted();
  std::erase_if(open_, [&](const Place& place) {
    const bool is_wanted = places.contains(place) && addresses_.contains(place.second.ip);
    if (!is_wanted) server_.close(place.second);
    return !is_wanted;
  });
  std::erase_if(busy_, [&](const auto& each) { return !places.contains(each.first); });
  bool is_to_be_tried = false;
  for (const Place& place : places) {
    if (open_.contains(place)) continue;
    if (!addresses_.contains(place.second.ip)) {
      set_busy(place, kNoAddress, kNoAddressRemedy);
      continue;
    }
    try_open(place);
    is_to_be_tried = is_to_be_tried || busy_.contains(place);
  }
  if (!is_to_be_tried) {
    again_.cancel();
  } else if (!again_.is_waiting()) {
    again_ = timers_.schedule(http::kOpenAgainAfter, [this] { open_and_close(); });
  }
}

void HealthCheckPorts::try_open(const Place& place) {
  const HealthCheckKey& key = place.first;
  const auto opened =
      server_.open(place.second, http::Reach::OwnFamily,
                   http::at_once([this, key](const http::Request&) { return respond(key); }));
  if (!opened) return set_busy(place, opened.error().message(), kBusyRemedy);
  busy_.erase(place);
  open_.insert(place);
}

void HealthCheckPorts::set_busy(const Place& place, const std::string& reason, const char* remedy) {
  const auto& [key, address] = place;
  const auto [at, is_new] = busy_.try_emplace(place, reason);
  if (!is_new && at->second == reason) return;
  at->second = reason;
  log::error("a health check port can't be opened", {{"service", key.service.to_string()},
                                                     {"address", address.to_string()},
                                                     {"family", to_string(key.family)},
                                                     {"reason", reason},
                                                     {"remedy", remedy}});
  if (failed_) failed_(key.service, "node " + node_name_ + ' ' + describe(key, address, reason));
}

http::Response HealthCheckPorts::respond(const HealthCheckKey& key) const {
  // A port is closed with its check: there is one as long as somebody can ask.
  const HealthCheck* check = checks_.find(key);
  const std::size_t local = check == nullptr ? 0 : check->local_endpoints;
  const bool is_healthy = healthy_();
  http::Response response;
  response.status = local > 0 && is_healthy ? 200 : 503;
  response.content_type = "application/json";
  response.headers.emplace_back("X-Load-Balancing-Endpoint-Weight", std::to_string(local));
  response.body = health_check_body(key.service, local, is_healthy);
  return response;
}

}  // namespace wherry::health
