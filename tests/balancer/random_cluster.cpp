#include "tests/balancer/random_cluster.h"

#include "tests/support/builders.h"

#include <algorithm>
#include <string>

namespace wherry::balancer {

void RandomCluster::happen(Tables& tables) {
  const int what = below(100);
  if (what < 20) {
    const model::Service service = some_service();
    services_.insert_or_assign(service.meta.key, service);
    tables.services.upsert(test::shared(service));
  } else if (what < 26 && !services_.empty()) {
    const auto gone = std::next(services_.begin(), below(static_cast<int>(services_.size())));
    tables.services.erase(gone->first);
    services_.erase(gone);
  } else if (what < 88) {
    const model::EndpointSlice slice = some_slice();
    slices_.insert_or_assign(slice.meta.key, slice);
    tables.slices.upsert(test::shared(slice));
  } else if (what < 98 && !slices_.empty()) {
    const auto gone = std::next(slices_.begin(), below(static_cast<int>(slices_.size())));
    tables.slices.erase(gone->first);
    slices_.erase(gone);
  } else if (what == 98) {
    // A relist after events were missed.
    if (!services_.empty()) services_.erase(services_.begin());
    tables.services.replace(test::shared(all_services()));
  } else {
    if (!slices_.empty()) slices_.erase(slices_.begin());
    tables.slices.replace(test::shared(all_slices()));
  }
}

void RandomCluster::tell_everything(Tables& tables) {
  std::vector<std::function<void()>> events;
  for (const auto& [key, service] : services_) {
    events.emplace_back(
        [&tables, &service = service] { tables.services.upsert(test::shared(service)); });
  }
  for (const auto& [key, slice] : slices_) {
    events.emplace_back([&tables, &slice = slice] { tables.slices.upsert(test::shared(slice)); });
  }
  std::shuffle(events.begin(), events.end(), random_);
  for (const auto& event : events) {
    event();
    if (below(4) == 0) tables.build();
  }
}

model::Service RandomCluster::some_service() {
  const int number = below(8);
  auto builder = test::service("s" + std::to_string(number), below(2) == 0 ? "a" : "b");
  const int addresses = below(4);
  if (addresses != 0) builder.cluster_ip("10.0.0." + std::to_string(number + 1));
  if (addresses >= 2) builder.cluster_ip("fd00::" + std::to_string(number + 1));
  builder.port("http", static_cast<std::uint16_t>(80 + below(2)));
  if (below(2) == 0) builder.port("tls", 443);
  if (below(4) == 0) builder.node_port(static_cast<std::uint16_t>(30000 + number));
  if (below(3) == 0) builder.port("http", 80, std::uint16_t{0}, Protocol::UDP);
  if (below(6) == 0) builder.external_ip("192.0.2.1");
  if (below(3) == 0) builder.type(model::ServiceType::NodePort);
  if (below(3) == 0) builder.internal_policy(model::TrafficPolicy::Local);
  if (below(3) == 0) builder.external_policy(model::TrafficPolicy::Local);
  if (below(10) == 0) builder.headless();
  if (below(10) == 0) builder.type(model::ServiceType::ExternalName);
  if (below(10) == 0) builder.label(std::string(kServiceProxyNameLabel), "other");
  return builder;
}

model::EndpointSlice RandomCluster::some_slice() {
  // Few names for many Services: slices move between them.
  auto builder = test::slice("slice-" + std::to_string(below(14)), "s" + std::to_string(below(8)),
                             below(2) == 0 ? "a" : "b");
  const bool is_ipv6 = below(4) == 0;
  if (is_ipv6) builder.ipv6();
  builder.port("http", static_cast<std::uint16_t>(8080 + below(2)));
  if (below(2) == 0) builder.port("tls", 8443);
  if (below(3) == 0) builder.port("http", 8080, Protocol::UDP);
  if (below(8) == 0) builder.unnamed_port(1).unnumbered_port("tls");
  for (int count = below(5); count > 0; --count) {
    const std::string address = (is_ipv6 ? "fd01::" : "10.1.0.") + std::to_string(1 + below(6));
    switch (below(5)) {
      case 0:
        builder.not_ready(address);
        break;
      case 1:
        builder.terminating(address);
        break;
      default:
        builder.endpoint(address);
    }
    if (below(3) != 0) builder.on_node(below(2) == 0 ? "node-1" : "node-2");
    if (below(3) == 0) builder.hints({}, {below(2) == 0 ? "node-1" : "node-2"});
  }
  if (below(12) == 0) builder.label(std::string(model::kHeadlessLabel), "");
  return builder;
}

std::vector<model::Service> RandomCluster::all_services() const {
  std::vector<model::Service> all;
  for (const auto& [key, service] : services_) all.push_back(service);
  return all;
}

std::vector<model::EndpointSlice> RandomCluster::all_slices() const {
  std::vector<model::EndpointSlice> all;
  for (const auto& [key, slice] : slices_) all.push_back(slice);
  return all;
}

}  // namespace wherry::balancer
