#include "balancer/explain.h"

#include "base/clock.h"

#include <tuple>
#include <utility>

namespace wherry::balancer {
namespace {

using model::TrafficPolicy;

std::optional<ClientKind> parse_kind(std::string_view text) {
  for (const ClientKind kind : {ClientKind::Outside, ClientKind::Node, ClientKind::Pod}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

/// What an address is to a Service, whatever the port; NodePorts are not looked at.
std::optional<AddressKind> kind_of(const ServicePort& port, const IpAddress& address) {
  if (port.cluster_ip == address) return AddressKind::ClusterIp;
  if (is_among(address, port.external_ips)) return AddressKind::ExternalIp;
  if (is_among(address, port.load_balancer_ips)) return AddressKind::LoadBalancerIp;
  return std::nullopt;
}

/// Whether a node serves its NodePorts on the address.
bool is_of_node(const IpAddress& address, const NodeView& node) {
  return address.is_loopback() || is_among(address, node.addresses);
}

/// A way in that matches, or the Service that has the address and not the port.
struct Match {
  const ServicePortEntry* entry = nullptr;
  AddressKind kind = AddressKind::ClusterIp;
  const ServicePortEntry* wrong_port = nullptr;
  AddressKind wrong_kind = AddressKind::ClusterIp;
};

bool is_older(const ServicePortEntry& a, const ServicePortEntry& b) {
  const auto created = [](const ServicePortEntry& entry) {
    return entry.service_port.created.value_or(WallTime::max());
  };
  return std::tuple(created(a), a.service_port.key) < std::tuple(created(b), b.service_port.key);
}

Match match(const BackendTable& table, const WaysIn& ways_in, const Question& question) {
  Match found;
  const SocketAddress& to = question.destination;
  if (const auto entrance = ways_in.find(question.protocol, to)) {
    found.entry = table.find(entrance->service_port);
    found.kind = entrance->kind;
    if (found.entry != nullptr) return found;
  }
  const auto take = [&found](const ServicePortEntry& entry, AddressKind kind) {
    // Where two claim the same the older one has it.
    if (found.entry != nullptr && !is_older(entry, *found.entry)) return;
    found.entry = &entry;
    found.kind = kind;
  };
  table.for_each([&](const ServicePortEntry& entry) {
    const ServicePort& port = entry.service_port;
    const auto kind = kind_of(port, to.ip);
    // What is lost to an older Service, or not carried, is no way in.
    const bool is_protocol = !ways_in.is_complete && port.key.protocol == question.protocol;
    if (kind && is_protocol && port.port == to.port) return take(entry, *kind);
    if (is_protocol && port.node_port != 0 && port.node_port == to.port &&
        port.key.family == to.ip.family() && is_of_node(to.ip, table.node())) {
      return take(entry, AddressKind::NodePort);
    }
    if (kind && !(ways_in.passes && ways_in.passes(to.ip)) &&
        (found.wrong_port == nullptr || is_older(entry, *found.wrong_port))) {
      found.wrong_port = &entry;
      found.wrong_kind = *kind;
    }
  });
  return found;
}

std::string rule_of(const Explanation& answer, const Decision& decision, const NodeView& node) {
  const auto rule = [](std::string_view id, std::string_view words) {
    return std::string(id) + ": " + std::string(words);
  };
  const std::string_view words = rule_text(answer.reason);
  const bool is_internal = answer.address_kind == AddressKind::ClusterIp;
  switch (answer.reason) {
    case Reason::NoEndpoints:
      return rule("E9", words);
    case Reason::SourceRanges:
      return rule("F1", words);
    case Reason::WrongPort:
    case Reason::FreeAddress:
      return rule("E10", words);
    case Reason::NoLocalEndpoints:
      return rule(is_internal ? "E6" : "E7", words);
    case Reason::ReadyEndpoints:
    case Reason::ServingTerminating:
      break;
    default:
      return std::string(words);
  }
  if (decision.policy == TrafficPolicy::Local) {
    return rule(is_internal ? "E6" : "E7",
                (is_internal ? "internalTrafficPolicy" : "externalTrafficPolicy") +
                    std::string(" is Local: only endpoints on this node count. ") +
                    std::string(words));
  }
  if (!is_internal && answer.entry->external_from_node) {
    return rule("E8",
                "externalTrafficPolicy is Local, but for this node and its pods all endpoints of "
                "the cluster count. " +
                    std::string(words));
  }
  if (answer.reason == Reason::ReadyEndpoints) {
    switch (topology_mode(answer.entry->backends, node.topology)) {
      case TopologyMode::SameNode:
        return rule("E12", "Every ready endpoint has hints for nodes: those for this node count. " +
                               std::string(words));
      case TopologyMode::SameZone:
        return rule("E12",
                    "Every ready endpoint has hints for zones: those for this node's zone count. " +
                        std::string(words));
      case TopologyMode::Ignored:
        break;
    }
  }
  return rule("E2", words);
}

NoExplanation not_found(const Question& question) {
  return {NoExplanation::Kind::NotFound,
          "no Service has the address " + question.destination.to_string() + '/' +
              std::string(to_string(question.protocol)) +
              "; write a clusterIP, an external or load balancer IP with its port, or an address "
              "of the node with a NodePort (wherry get services -o wide lists them)"};
}

/// The address that source ranges are compared with.
std::optional<IpAddress> address_of(const Client& client, ClientKind kind, const NodeView& node,
                                    IpFamily family) {
  if (client.address) return client.address;
  return kind == ClientKind::Node ? node.address(family) : std::nullopt;
}

}  // namespace

std::optional<Client> Client::parse(std::string_view text) {
  Client client;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    client.kind = parse_kind(text);
    if (!client.kind) client.address = IpAddress::parse(text);
  } else {
    client.kind = parse_kind(text.substr(0, equals));
    client.address = IpAddress::parse(text.substr(equals + 1));
    if (!client.kind || !client.address) return std::nullopt;
  }
  return client.kind || client.address ? std::optional(client) : std::nullopt;
}

std::string Client::to_string() const {
  const std::string kind_word = kind ? std::string(balancer::to_string(*kind)) : std::string();
  if (!address) return kind_word;
  return (kind ? kind_word + '=' : "") + address->to_string();
}

std::variant<Explanation, NoExplanation> explain(const BackendTable& table, const WaysIn& ways_in,
                                                 const Question& question) {
  const NodeView& node = table.node();
  const Match found = match(table, ways_in, question);
  Explanation answer;
  answer.question = question;
  const Client& client = question.client;
  answer.kind =
      client.kind ? *client.kind : client_kind(*client.address, question.destination.ip, node);
  if (found.entry == nullptr) {
    if (found.wrong_port == nullptr) {
      if (!is_in_any(question.destination.ip, ways_in.service_cidrs)) return not_found(question);
      answer.verdict = Verdict::Drop;
      answer.reason = Reason::FreeAddress;
      answer.rule = rule_of(answer, {}, node);
      return answer;
    }
    answer.address_kind = found.wrong_kind;
    answer.service = found.wrong_port->service_port.key.service;
    answer.rule = rule_of(answer, {}, node);
    return answer;
  }
  answer.entry = found.entry;
  answer.address_kind = found.kind;
  const ServicePort& port = found.entry->service_port;
  answer.service = port.key.service;

  const auto address = address_of(client, answer.kind, node, port.key.family);
  const Decision* decision = decision_for(*found.entry, found.kind, answer.kind);
  if (decision == nullptr) return not_found(question);
  if (!address && decision->verdict == Verdict::Forward && source_ranges_count(port, found.kind)) {
    const std::string kind(to_string(answer.kind));
    return NoExplanation{NoExplanation::Kind::ClientNeeded,
                         "Service " + answer.service.to_string() +
                             " has source ranges, so that it depends on the client's address; "
                             "write " +
                             kind + "=ADDRESS in place of " + kind};
  }
  const ConnectionVerdict verdict =
      verdict_for(*found.entry, found.kind, answer.kind, address.value_or(IpAddress()), node);
  answer.verdict = verdict.verdict;
  answer.reason = verdict.reason;
  if (verdict.verdict == Verdict::Forward) answer.backends = decision->backends;
  if (ways_in.sees_client && address) {
    // Datagrams that are spread leave by one socket for all clients: the node's.
    const bool may_see = !port.options.udp_per_datagram || question.protocol != Protocol::UDP;
    for (const std::uint32_t backend : answer.backends) {
      const ClientAndBackend both{*address, question.destination.ip,
                                  found.entry->backends[backend].address.ip,
                                  is_external_local(port, found.kind)};
      answer.sees_client.push_back(may_see && ways_in.sees_client(both));
    }
  }
  answer.excluded =
      excluded_from(decision->backends, decision->policy, found.entry->backends, node.topology);
  answer.rule = rule_of(answer, *decision, node);
  return answer;
}

}  // namespace wherry::balancer
