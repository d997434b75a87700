#include "watcher/model/validate.h"

#include "base/service_block.h"
#include "watcher/model/names.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

namespace wherry::model {
namespace {

using document::FieldFaults;
using document::FieldPath;
using document::PathStep;

void add(FieldFaults& faults, std::initializer_list<PathStep> path, std::string text) {
  faults.push_back({FieldPath{path}, std::move(text)});
}

enum class NameRule { Label, Subdomain };

void check_name(const std::string& name, NameRule rule, FieldFaults& faults) {
  if (name.empty()) {
    add(faults, {"metadata", "name"}, "missing; give the object a name");
  } else if (rule == NameRule::Label && !is_dns_label(name)) {
    add(faults, {"metadata", "name"},
        '"' + name +
            "\" is no name for this kind; write at most 63 lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit");
  } else if (rule == NameRule::Subdomain && !is_dns_subdomain(name)) {
    add(faults, {"metadata", "name"},
        '"' + name +
            "\" is no name for this kind; write at most 253 lower-case letters, digits, '-' and "
            "'.', beginning and ending with a letter or digit");
  }
}

void check_meta(const ObjectMeta& meta, NameRule rule, FieldFaults& faults) {
  check_name(meta.key.name, rule, faults);
  if (!is_dns_label(meta.key.name_space)) {
    add(faults, {"metadata", "namespace"},
        '"' + meta.key.name_space +
            "\" is no namespace; write at most 63 lower-case letters, digits and '-'");
  }
}

/// Names of ports that stand side by side: each a DNS label, each once, none missing among several.
class PortNames {
 public:
  PortNames(std::size_t count, FieldFaults& faults) : count_(count), faults_(faults) {}

  void check(const FieldPath& port, const std::string& name) {
    FieldPath field = port;
    field.steps.emplace_back("name");
    if (name.empty() && count_ > 1) {
      faults_.push_back({field, "missing; each of several ports needs a name"});
    } else if (!name.empty() && !is_dns_label(name)) {
      faults_.push_back({field, '"' + name +
                                    "\" is no port name; write at most 63 lower-case letters, "
                                    "digits and '-'"});
    } else if (!seen_.insert(name).second) {
      faults_.push_back({field, '"' + name +
                                    "\" names another port already; give each port a name of its "
                                    "own"});
    }
  }

 private:
  const std::size_t count_;
  FieldFaults& faults_;
  std::set<std::string> seen_;
};

void check_service_ports(const Service& service, FieldFaults& faults) {
  PortNames names(service.ports.size(), faults);
  std::set<std::pair<Protocol, std::uint16_t>> ports;
  std::set<std::pair<Protocol, std::uint16_t>> node_ports;
  for (std::size_t i = 0; i < service.ports.size(); ++i) {
    const ServicePortSpec& port = service.ports[i];
    names.check(FieldPath{{"spec", "ports", i}}, port.name);
    if (port.port != 0 && !ports.emplace(port.protocol, port.port).second) {
      add(faults, {"spec", "ports", i, "port"},
          std::to_string(port.port) + '/' + std::string(to_string(port.protocol)) +
              " stands twice in this Service; leave one out");
    }
    if (port.node_port != 0 && !node_ports.emplace(port.protocol, port.node_port).second) {
      add(faults, {"spec", "ports", i, "nodePort"},
          std::to_string(port.node_port) + '/' + std::string(to_string(port.protocol)) +
              " stands twice in this Service; leave one out");
    }
  }
  // A headless Service may leave its ports to DNS, an ExternalName has none to serve.
  if (service.ports.empty() && !service.headless && service.type != ServiceType::ExternalName) {
    add(faults, {"spec", "ports"}, "missing; a Service needs a port");
  }
}

}  // namespace

FieldFaults validate(const Service& service) {
  FieldFaults faults;
  check_meta(service.meta, NameRule::Label, faults);
  check_service_ports(service, faults);
  if (service.cluster_ips.size() > 2 ||
      (service.cluster_ips.size() == 2 &&
       service.cluster_ips[0].family() == service.cluster_ips[1].family())) {
    add(faults, {"spec", "clusterIPs"},
        "holds more than one address of a family; write at most one IPv4 and one IPv6 address");
  }
  return faults;
}

FieldFaults validate(const EndpointSlice& slice) {
  FieldFaults faults;
  check_meta(slice.meta, NameRule::Subdomain, faults);
  // Ports without number mean "all ports" and serve nobody here (T2); their names still count.
  PortNames names(1, faults);
  for (std::size_t i = 0; i < slice.ports.size(); ++i) {
    names.check(FieldPath{{"ports", i}}, slice.ports[i].name.value_or(""));
  }
  return faults;
}

FieldFaults validate(const Endpoints& endpoints) {
  FieldFaults faults;
  check_meta(endpoints.meta, NameRule::Subdomain, faults);
  for (std::size_t i = 0; i < endpoints.subsets.size(); ++i) {
    const EndpointSubset& subset = endpoints.subsets[i];
    PortNames names(subset.ports.size(), faults);
    for (std::size_t j = 0; j < subset.ports.size(); ++j) {
      names.check(FieldPath{{"subsets", i, "ports", j}}, subset.ports[j].name.value_or(""));
    }
  }
  return faults;
}

FieldFaults validate(const Pod& pod) {
  FieldFaults faults;
  check_meta(pod.meta, NameRule::Subdomain, faults);
  return faults;
}

FieldFaults validate(const Node& node) {
  FieldFaults faults;
  check_name(node.meta.key.name, NameRule::Subdomain, faults);  // a Node has no namespace
  return faults;
}

FieldFaults validate(const ServiceCidr& service_cidr) {
  FieldFaults faults;
  check_name(service_cidr.meta.key.name, NameRule::Subdomain, faults);
  const std::vector<Cidr>& blocks = service_cidr.cidrs;
  if (blocks.size() > 2 || (blocks.size() == 2 && blocks[0].family() == blocks[1].family())) {
    add(faults, {"spec", "cidrs"},
        "holds more than one block of a family; write further ones into ServiceCIDRs of their own");
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].has_host_bits()) {
      add(faults, {"spec", "cidrs", i},
          "is an address inside a block; the block is " + blocks[i].to_string());
    } else if (!could_be_of_services(blocks[i])) {
      add(faults, {"spec", "cidrs", i},
          blocks[i].to_string() +
              " is no block that a cluster gives to its Services; write what its API server has as "
              "--service-cluster-ip-range");
    }
  }
  return faults;
}

}  // namespace wherry::model
