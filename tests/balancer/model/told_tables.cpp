#include "tests/balancer/model/told_tables.h"

#include "balancer/endpoint_filter.h"
#include "balancer/source_filter.h"
#include "balancer/table_diff.h"
#include "balancer/verdict.h"
#include "tests/support/builders.h"
#include "watcher/model/decode.h"
#include "watcher/model/encode.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace wherry::balancer {
namespace {

FlattenRules rules_of(const History& history) {
  FlattenRules rules;
  rules.needs_cluster_ip = !history.from_manifests;
  rules.service_proxy_name = history.proxy_name;
  return rules;
}

/// What is known before the first word about the Node.
NodeView first_view(const History& history) {
  NodeView view;
  view.topology.node_name = history.node;
  for (const std::string& ip : history.node_ips) view.addresses.push_back(test::ip(ip));
  return view;
}

/// A field that can't be read is left out, as from a cluster; the rest of the object counts.
template <class T>
T decode(const boost::json::value& object, T (*decoder)(const document::FieldReader&)) {
  document::FieldFaults ignored;
  return decoder(document::FieldReader(object, ignored));
}

std::shared_ptr<const model::Service> to_service(const boost::json::value& object) {
  return test::shared(decode(object, model::decode_service));
}

std::shared_ptr<const model::EndpointSlice> to_slice(const boost::json::value& object) {
  return test::shared(decode(object, model::decode_endpoint_slice));
}

std::vector<std::string> texts(const std::vector<IpAddress>& ips) {
  std::vector<std::string> list;
  for (const IpAddress& ip : ips) list.push_back(ip.to_string());
  return list;
}

std::vector<std::string> texts(const std::vector<Backend>& backends,
                               std::span<const std::uint32_t> set) {
  std::vector<std::string> list;
  for (const std::uint32_t index : set) list.push_back(backends[index].address.to_string());
  return list;
}

std::string text_of(const ServicePortEntry& entry, const Decision& decision) {
  return std::string(to_string(decision.verdict)) +
         list_text(texts(entry.backends, decision.backends));
}

PortAnswer to_answer(const ServicePortEntry& entry, const NodeView& node) {
  const ServicePort& port = entry.service_port;
  PortAnswer answer;
  answer.key = port.key.to_string();
  if (port.cluster_ip) answer.cluster_ip = port.cluster_ip->to_string();
  answer.port = port.port;
  answer.node_port = port.node_port;
  answer.external_ips = texts(port.external_ips);
  answer.load_balancer_ips = texts(port.load_balancer_ips);
  answer.affinity = model::to_string(port.session_affinity);
  if (port.session_affinity == model::SessionAffinity::ClientIP) {
    answer.affinity += '/' + std::to_string(port.affinity_timeout.count());
  }
  answer.admits = admits_text(
      port.key.family, answer.load_balancer_ips, [&](const IpAddress& client, const IpAddress&) {
        return source_is_allowed(port, AddressKind::LoadBalancerIp, client, node);
      });
  for (const Backend& backend : entry.backends) {
    answer.endpoints.push_back(endpoint_text(
        backend.address.to_string(), backend.endpoint->ready, backend.endpoint->serving,
        backend.endpoint->terminating, backend.endpoint->node == node.topology.node_name));
  }
  const Eligible eligible = categorize(entry.backends, node.topology);
  answer.cluster = texts(entry.backends, eligible.cluster);
  answer.local = texts(entry.backends, eligible.local);
  answer.internal = text_of(entry, entry.internal);
  if (entry.external) {
    answer.external = text_of(entry, *entry.external);
    answer.from_node =
        entry.external_from_node ? text_of(entry, *entry.external_from_node) : answer.external;
  }
  return answer;
}

}  // namespace

ToldTables::ToldTables(const History& history)
    : history_(history), tables_(rules_of(history), history.node), health_(history.node) {
  tables_.builder.set_node(first_view(history));
}

void ToldTables::tell(const Event& event) {
  switch (event.op) {
    case Event::Op::Build:
      build();
      return;
    case Event::Op::Upsert:
      upsert(event.kind, *event.objects.front());
      return;
    case Event::Op::Erase:
      if (event.kind == "Service") {
        tables_.services.erase(key_of(*event.objects.front()));
      } else {
        tables_.slices.erase(key_of(*event.objects.front()));
      }
      return;
    case Event::Op::Replace:
      break;
  }
  if (event.kind == "Service") {
    std::vector<std::shared_ptr<const model::Service>> services;
    for (const JsonObject& object : event.objects) services.push_back(to_service(*object));
    tables_.services.replace(std::move(services));
  } else {
    std::vector<std::shared_ptr<const model::EndpointSlice>> slices;
    for (const JsonObject& object : event.objects) slices.push_back(to_slice(*object));
    tables_.slices.replace(std::move(slices));
  }
}

void ToldTables::upsert(const std::string& kind, const boost::json::value& object) {
  if (kind == "Service") {
    tables_.services.upsert(to_service(object));
  } else if (kind == "EndpointSlice") {
    tables_.slices.upsert(to_slice(object));
  } else {
    const model::Node node = decode(object, model::decode_node);
    tables_.builder.set_node(view_of(&node, history_.node));
  }
}

void ToldTables::build() {
  const auto before = tables_.builder.latest();
  const auto now = tables_.build();
  health_.apply(*now, diff(*before, *now));
}

Answer ToldTables::answer() const {
  Answer answer;
  const BackendTable& table = *tables_.builder.latest();
  table.for_each([&](const ServicePortEntry& entry) {
    PortAnswer port = to_answer(entry, table.node());
    const ServicePortKey& key = entry.service_port.key;
    if (const auto* check = health_.find({key.service, key.family})) {
      port.health = std::to_string(check->port) + ':' + std::to_string(check->local_endpoints);
    }
    answer.emplace(port.key, port.to_line());
  });
  return answer;
}

Answer ToldTables::answer_from_scratch(const History& history, const World& world,
                                       std::uint64_t seed) {
  ToldTables tables(history);
  std::vector<std::pair<std::string, JsonObject>> objects;
  if (world.node) objects.emplace_back("Node", world.node);
  for (const auto& [key, object] : world.services) objects.emplace_back("Service", object);
  for (const auto& [key, object] : world.slices) objects.emplace_back("EndpointSlice", object);
  // Not as good as a shuffle, and good enough: every object comes first in some cases.
  if (seed % 2 == 1) std::reverse(objects.begin(), objects.end());
  if (!objects.empty()) {
    std::rotate(objects.begin(),
                std::next(objects.begin(), static_cast<std::ptrdiff_t>(seed % objects.size())),
                objects.end());
  }
  for (const auto& [kind, object] : objects) tables.upsert(kind, *object);
  tables.build();
  return tables.answer();
}

}  // namespace wherry::balancer
