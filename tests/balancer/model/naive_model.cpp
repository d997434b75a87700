#include "tests/balancer/model/naive_model.h"

#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/socket_address.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace wherry::balancer {
namespace {

namespace json = boost::json;

int number_at(const json::value& object, JsonPath path, int fallback = 0) {
  const json::value* value = value_at(object, path);
  return value == nullptr ? fallback : static_cast<int>(value->as_int64());
}

bool flag_at(const json::value& object, JsonPath path, bool fallback) {
  const json::value* value = value_at(object, path);
  return value == nullptr ? fallback : value->as_bool();
}

std::string trimmed(std::string text) {
  while (text.starts_with(' ')) text.erase(0, 1);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

/// What a slice says of an endpoint, as far as it matters.
struct NaiveEndpoint {
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  bool local = false;
  std::set<std::string> zones;
  std::set<std::string> nodes;

  friend bool operator==(const NaiveEndpoint&, const NaiveEndpoint&) = default;
};

using Endpoints = std::map<SocketAddress, NaiveEndpoint>;

/// One service port of one family.
struct Asked {
  model::ObjectKey service;
  std::string port;
  std::string protocol;
  IpFamily family = IpFamily::IPv4;
};

class NaiveModel {
 public:
  NaiveModel(const History& history, const World& world) : history_(history), world_(world) {
    if (world.node) {
      zone_ = text_at(*world.node, {"metadata", "labels", "topology.kubernetes.io/zone"});
    }
  }

  NaiveAnswer answer() {
    for (const auto& [key, service] : world_.services) {
      if (!is_ours(*service)) continue;
      for (const IpFamily family : families_of(*service)) {
        for (const json::value* port : elements_at(*service, {"spec", "ports"})) {
          add(key, *service, *port, family);
        }
      }
    }
    return std::move(answer_);
  }

 private:
  /// S1, S6
  [[nodiscard]] bool is_ours(const json::value& service) const {
    const JsonPath label = {"metadata", "labels", "service.kubernetes.io/service-proxy-name"};
    const bool is_ours = history_.proxy_name.empty()
                             ? value_at(service, label) == nullptr
                             : text_at(service, label) == history_.proxy_name;
    if (!is_ours) return false;
    if (text_at(service, {"spec", "type"}) == "ExternalName") return false;
    const std::string ip = text_at(service, {"spec", "clusterIP"});
    return ip != "None" && (history_.from_manifests || !ip.empty());
  }

  static std::vector<IpAddress> cluster_ips_of(const json::value& service) {
    std::vector<IpAddress> ips;
    for (const json::value* ip : elements_at(service, {"spec", "clusterIPs"})) {
      ips.push_back(*IpAddress::parse(std::string_view(ip->as_string())));
    }
    if (!ips.empty()) return ips;
    const std::string ip = text_at(service, {"spec", "clusterIP"});
    if (!ip.empty()) ips.push_back(*IpAddress::parse(ip));
    return ips;
  }

  /// S2; and S1 for Services without clusterIP.
  static std::set<IpFamily> families_of(const json::value& service) {
    std::set<IpFamily> families;
    for (const IpAddress& ip : cluster_ips_of(service)) families.insert(ip.family());
    if (!families.empty()) return families;
    for (const json::value* family : elements_at(service, {"spec", "ipFamilies"})) {
      families.insert(*family == "IPv6" ? IpFamily::IPv6 : IpFamily::IPv4);
    }
    return families.empty() ? std::set{IpFamily::IPv4} : families;
  }

  void add(const model::ObjectKey& key, const json::value& service, const json::value& port,
           IpFamily family) {
    const Asked asked{key, text_at(port, {"name"}), text_at(port, {"protocol"}, "TCP"), family};
    PortAnswer answer;
    answer.key = key.to_string() + (asked.port.empty() ? "" : ':' + asked.port) + '/' +
                 asked.protocol + '/' + std::string(to_string(family));
    answer.port = number_at(port, {"port"});
    answer.node_port = number_at(port, {"nodePort"});
    for (const IpAddress& ip : cluster_ips_of(service)) {
      if (ip.family() == family) answer.cluster_ip = ip.to_string();
    }
    answer.external_ips = external_ips_of(service, family);
    answer.load_balancer_ips = load_balancer_ips_of(service, family);
    answer.affinity = affinity_of(service);
    answer.admits = admits(service, family, answer.load_balancer_ips);

    const Endpoints endpoints = endpoints_of(asked, answer.key);
    for (const auto& [address, endpoint] : endpoints) {
      answer.endpoints.push_back(endpoint_text(address.to_string(), endpoint.ready,
                                               endpoint.serving, endpoint.terminating,
                                               endpoint.local));
    }
    answer.cluster = cluster_set(endpoints);
    answer.local = local_set(endpoints);
    add_verdicts(service, endpoints, answer);
    answer.health = health_of(key, service, family, answer.key);
    answer_.ports.emplace(answer.key, answer.to_line());
  }

  /// S5
  static std::vector<std::string> external_ips_of(const json::value& service, IpFamily family) {
    std::vector<std::string> ips;
    for (const json::value* text : elements_at(service, {"spec", "externalIPs"})) {
      const auto ip = IpAddress::parse(std::string_view(text->as_string()));
      if (ip && ip->family() == family) ips.push_back(ip->to_string());
    }
    return ips;
  }

  /// S4
  static std::vector<std::string> load_balancer_ips_of(const json::value& service,
                                                       IpFamily family) {
    std::vector<std::string> ips;
    for (const json::value* each : elements_at(service, {"status", "loadBalancer", "ingress"})) {
      const auto ip = IpAddress::parse(text_at(*each, {"ip"}));
      if (ip && ip->family() == family && text_at(*each, {"ipMode"}) != "Proxy") {
        ips.push_back(ip->to_string());
      }
    }
    return ips;
  }

  /// L2
  static std::string affinity_of(const json::value& service) {
    if (text_at(service, {"spec", "sessionAffinity"}) != "ClientIP") return "None";
    return "ClientIP/" +
           std::to_string(number_at(
               service, {"spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"}, 10800));
  }

  /// F1
  [[nodiscard]] std::string admits(const json::value& service, IpFamily family,
                                   const std::vector<std::string>& load_balancer_ips) const {
    std::vector<Cidr> ranges;
    bool all = false;
    for (const json::value* text : elements_at(service, {"spec", "loadBalancerSourceRanges"})) {
      const auto range = Cidr::parse(trimmed(std::string(text->as_string())));
      if (!range || range->family() != family) continue;
      ranges.push_back(*range);
      if (range->prefix_length() == 0) all = true;
    }
    const auto within = [&ranges](const IpAddress& ip) {
      return std::any_of(ranges.begin(), ranges.end(),
                         [&ip](const Cidr& range) { return range.contains(ip); });
    };
    bool node_within = false;
    for (const std::string& ip : history_.node_ips) {
      if (within(*IpAddress::parse(ip))) node_within = true;
    }
    return admits_text(family, load_balancer_ips, [&](const IpAddress& client, const IpAddress&) {
      if (all || ranges.empty() || within(client)) return true;
      return node_within &&
             std::count(load_balancer_ips.begin(), load_balancer_ips.end(), client.to_string()) > 0;
    });
  }

  // --- endpoints

  /// T1, T2, T3, T6, T7, S8, W2
  Endpoints endpoints_of(const Asked& asked, const std::string& key) {
    // What each slice in turn says of each address.
    std::map<SocketAddress, std::vector<NaiveEndpoint>> said;
    for (const auto& [slice_key, slice] : world_.slices) {
      if (slice_key.name_space != asked.service.name_space || !belongs(*slice, asked)) continue;
      std::map<SocketAddress, std::vector<NaiveEndpoint>> here;
      for (const json::value* port : elements_at(*slice, {"ports"})) {
        const int number = number_at(*port, {"port"});
        if (text_at(*port, {"name"}) != asked.port ||
            text_at(*port, {"protocol"}, "TCP") != asked.protocol || number == 0) {
          continue;
        }
        for (const json::value* each : elements_at(*slice, {"endpoints"})) {
          const auto addresses = elements_at(*each, {"addresses"});
          if (addresses.empty()) continue;
          const auto ip = IpAddress::parse(std::string_view(addresses.front()->as_string()));
          here[{*ip, static_cast<std::uint16_t>(number)}].push_back(read(*each));
        }
      }
      for (const auto& [address, list] : here) said[address].push_back(choose(list));
    }
    Endpoints endpoints;
    for (const auto& [address, list] : said) {
      endpoints.emplace(address, choose_among_slices(list));
      if (is_undefined(list)) answer_.undefined_upstream.push_back(key);
    }
    return endpoints;
  }

  static bool belongs(const json::value& slice, const Asked& asked) {
    if (value_at(slice, {"metadata", "labels", "service.kubernetes.io/headless"}) != nullptr) {
      return false;
    }
    return text_at(slice, {"metadata", "labels", "kubernetes.io/service-name"}) ==
               asked.service.name &&
           text_at(slice, {"addressType"}) == to_string(asked.family);
  }

  /// E1, E11
  [[nodiscard]] NaiveEndpoint read(const json::value& each) const {
    NaiveEndpoint endpoint;
    endpoint.ready = flag_at(each, {"conditions", "ready"}, true);
    endpoint.serving = flag_at(each, {"conditions", "serving"}, true);
    endpoint.terminating = flag_at(each, {"conditions", "terminating"}, false);
    endpoint.local = text_at(each, {"nodeName"}) == history_.node;
    for (const json::value* zone : elements_at(each, {"hints", "forZones"})) {
      endpoint.zones.insert(text_at(*zone, {"name"}));
    }
    for (const json::value* node : elements_at(each, {"hints", "forNodes"})) {
      endpoint.nodes.insert(text_at(*node, {"name"}));
    }
    return endpoint;
  }

  /// One slice names an address several times: the last that lives, else the first that dies.
  static NaiveEndpoint choose(const std::vector<NaiveEndpoint>& list) {
    for (auto each = list.rbegin(); each != list.rend(); ++each) {
      if (!each->terminating) return *each;
    }
    return list.front();
  }

  /// Several slices do: the last in the order of names that has one that lives, else the last (T7).
  static NaiveEndpoint choose_among_slices(const std::vector<NaiveEndpoint>& list) {
    for (auto each = list.rbegin(); each != list.rend(); ++each) {
      if (!each->terminating) return *each;
    }
    return list.back();
  }

  static bool is_undefined(const std::vector<NaiveEndpoint>& list) {
    const NaiveEndpoint chosen = choose_among_slices(list);
    return std::any_of(list.begin(), list.end(), [&chosen](const NaiveEndpoint& each) {
      return each.terminating == chosen.terminating && each != chosen;
    });
  }

  // --- sets

  template <class Predicate>
  static std::vector<std::string> those(const Endpoints& endpoints, Predicate matches) {
    std::vector<std::string> addresses;
    for (const auto& [address, endpoint] : endpoints) {
      if (matches(endpoint)) addresses.push_back(address.to_string());
    }
    return addresses;
  }

  static bool is_last_resort(const NaiveEndpoint& endpoint) {
    return endpoint.serving && endpoint.terminating;
  }

  /// E2, E12, E13
  [[nodiscard]] std::vector<std::string> cluster_set(const Endpoints& endpoints) const {
    const auto ready = [](const NaiveEndpoint& each) { return each.ready; };
    const std::vector<std::string> all = those(endpoints, ready);
    if (all.empty()) return those(endpoints, is_last_resort);
    const auto with_nodes = those(
        endpoints, [](const NaiveEndpoint& each) { return each.ready && !each.nodes.empty(); });
    const auto for_node = those(endpoints, [this](const NaiveEndpoint& each) {
      return each.ready && each.nodes.contains(history_.node);
    });
    if (with_nodes == all && !for_node.empty()) return for_node;
    const auto with_zones = those(
        endpoints, [](const NaiveEndpoint& each) { return each.ready && !each.zones.empty(); });
    const auto for_zone = those(endpoints, [this](const NaiveEndpoint& each) {
      return each.ready && each.zones.contains(zone_);
    });
    if (with_zones == all && !for_zone.empty()) return for_zone;
    return all;
  }

  /// E3, E4
  static std::vector<std::string> local_set(const Endpoints& endpoints) {
    auto set = those(endpoints, [](const NaiveEndpoint& each) { return each.local && each.ready; });
    if (!set.empty()) return set;
    return those(endpoints,
                 [](const NaiveEndpoint& each) { return each.local && is_last_resort(each); });
  }

  // --- verdicts

  /// E7: where a Service that nobody reaches from outside says so, it means nothing.
  static bool is_external_local(const json::value& service) {
    const std::string type = text_at(service, {"spec", "type"}, "ClusterIP");
    const bool counts = type == "NodePort" || type == "LoadBalancer" ||
                        !elements_at(service, {"spec", "externalIPs"}).empty();
    return counts && text_at(service, {"spec", "externalTrafficPolicy"}) == "Local";
  }

  /// E6, E7, E8, E9
  static void add_verdicts(const json::value& service, const Endpoints& endpoints,
                           PortAnswer& answer) {
    const bool some_anywhere = std::any_of(
        endpoints.begin(), endpoints.end(),
        [](const auto& each) { return each.second.ready || is_last_resort(each.second); });
    const auto verdict = [&](bool local) -> std::string {
      const auto& set = local ? answer.local : answer.cluster;
      if (!some_anywhere) return "reject[]";
      return set.empty() ? "drop[]" : "forward" + list_text(set);
    };
    answer.internal = verdict(text_at(service, {"spec", "internalTrafficPolicy"}) == "Local");
    const bool has_way_in =
        answer.node_port != 0 || !answer.external_ips.empty() || !answer.load_balancer_ips.empty();
    if (!has_way_in) return;
    answer.external = verdict(is_external_local(service));
    answer.from_node = verdict(false);
  }

  /// H3: the distinct addresses of local endpoints that are ready, over all ports of the Service.
  std::string health_of(const model::ObjectKey& key, const json::value& service, IpFamily family,
                        const std::string& port_key) {
    const int number = number_at(service, {"spec", "healthCheckNodePort"});
    if (number == 0 || text_at(service, {"spec", "type"}) != "LoadBalancer" ||
        !is_external_local(service)) {
      return "";
    }
    std::set<IpAddress> addresses;
    for (const json::value* port : elements_at(service, {"spec", "ports"})) {
      const Asked asked{key, text_at(*port, {"name"}), text_at(*port, {"protocol"}, "TCP"), family};
      for (const auto& [at, endpoint] : endpoints_of(asked, port_key)) {
        if (endpoint.local && endpoint.ready) addresses.insert(at.ip);
      }
    }
    return std::to_string(number) + ':' + std::to_string(addresses.size());
  }

  const History& history_;
  const World& world_;
  std::string zone_;
  NaiveAnswer answer_;
};

}  // namespace

NaiveAnswer naive_answer(const History& history, const World& world) {
  return NaiveModel(history, world).answer();
}

}  // namespace wherry::balancer
