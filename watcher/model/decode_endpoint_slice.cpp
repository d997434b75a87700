#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace wherry::model {
namespace {

constexpr std::array<std::pair<std::string_view, AddressType>, 3> kAddressTypes = {
    {{"IPv4", AddressType::IPv4}, {"IPv6", AddressType::IPv6}, {"FQDN", AddressType::FQDN}}};

/// The pod behind an endpoint, where the reference names one.
void decode_target_ref(const FieldReader& parent, Endpoint& endpoint) {
  const FieldReader ref = parent.object("targetRef");
  if (ref.string("kind") != "Pod") return;
  endpoint.pod = ref.string("name");
  endpoint.pod_uid = ref.string("uid");
}

/// The names under one kind of hint; no more than an API server lets pass.
std::vector<std::string> decode_names(const FieldReader& hints, std::string_view key,
                                      std::string_view what) {
  std::vector<std::string> names;
  std::size_t count = 0;
  hints.each(key, [&](const FieldReader& field) {
    if (!field.expect_object()) return;
    if (++count == kMostHints + 1) {
      hints.fault(std::string(key), "names more than " + std::to_string(kMostHints) + ' ' +
                                        std::string(what) + "s; leave the others out");
    }
    if (count > kMostHints) return;
    std::string name = field.string("name");
    if (name.empty()) {
      field.fault("name", "missing; write the name of a " + std::string(what));
    } else {
      names.push_back(std::move(name));
    }
  });
  return names;
}

EndpointHints decode_hints(const FieldReader& endpoint) {
  const FieldReader hints = endpoint.object("hints");
  if (!hints.present()) return {};
  auto zones = decode_names(hints, "forZones", "zone");
  auto nodes = decode_names(hints, "forNodes", "node");
  return {std::move(zones), std::move(nodes)};
}

/// The API fills in "" where a port has no name. `least` is the lowest number that the API takes.
EndpointPort decode_endpoint_port(const FieldReader& field, int least) {
  EndpointPort port;
  if (!field.expect_object()) return port;
  port.name = field.string("name");
  port.protocol = decode_protocol(field.at("protocol"));
  port.port = decode_port(field.at("port"), least);
  if (port.port == 0) port.port.reset();  // as good as absent (T2)
  return port;
}

/// An address of the family that the slice holds; of any, where that is not known.
std::optional<IpAddress> decode_address(const FieldReader& field, std::optional<IpFamily> family) {
  const auto address = decode_machine_ip(field);
  if (!address || !family || address->family() == *family) return address;
  field.fault(address->to_string() + " is no " + std::string(to_string(*family)) +
              " address, which is what this slice's addressType says");
  return std::nullopt;
}

/// nothing for an endpoint without a usable address.
std::optional<Endpoint> decode_endpoint(const FieldReader& field, std::optional<IpFamily> family) {
  if (!field.expect_object()) return std::nullopt;
  std::optional<IpAddress> address;
  std::size_t count = 0;
  const FieldReader addresses = field.at("addresses");
  addresses.each([&](const FieldReader& each) {
    const auto parsed = decode_address(each, family);
    if (count++ == 0) address = parsed;
  });
  if (count == 0 && (!addresses.present() || addresses.value()->is_array())) {
    addresses.fault("missing; an endpoint needs an address");
  }

  Endpoint endpoint;
  const FieldReader conditions = field.object("conditions");
  endpoint.ready = conditions.boolean("ready").value_or(true);
  endpoint.serving = conditions.boolean("serving").value_or(true);
  endpoint.terminating = conditions.boolean("terminating").value_or(false);
  endpoint.node = field.string("nodeName");
  decode_target_ref(field, endpoint);
  endpoint.hints = decode_hints(field);
  if (!address) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

}  // namespace

EndpointSlice decode_endpoint_slice(const FieldReader& object) {
  EndpointSlice slice;
  slice.meta = decode_meta(object, {kLastChangeTriggerTime});
  keep_labels(slice.meta, {kServiceNameLabel, kHeadlessLabel, kManagedByLabel});
  const FieldReader type = object.at("addressType");
  if (!is_filled(type)) type.fault("missing; write IPv4, IPv6 or FQDN");
  slice.address_type = decode_word(type, kAddressTypes);
  object.each("ports", [&slice](const FieldReader& field) {
    slice.ports.push_back(decode_endpoint_port(field, 0));
  });
  if (slice.address_type == AddressType::FQDN) {
    object.each("endpoints", [](const FieldReader& field) {
      if (field.expect_object()) std::ignore = field.strings("addresses");
    });
    return slice;
  }

  // What is wrong with the type says nothing about the addresses.
  std::optional<IpFamily> family;
  if (type.present() && *type.value() == "IPv4") family = IpFamily::IPv4;
  if (type.present() && *type.value() == "IPv6") family = IpFamily::IPv6;
  object.each("endpoints", [&](const FieldReader& field) {
    if (auto endpoint = decode_endpoint(field, family)) {
      // Neighbours mostly have the same hints: one copy of them is enough.
      if (!slice.endpoints.empty() && slice.endpoints.back().hints == endpoint->hints) {
        endpoint->hints = slice.endpoints.back().hints;
      }
      slice.endpoints.push_back(std::move(*endpoint));
    }
  });
  return slice;
}

Endpoints decode_endpoints(const FieldReader& object) {
  Endpoints endpoints;
  endpoints.meta = decode_meta(object);
  object.each("subsets", [&endpoints](const FieldReader& field) {
    if (!field.expect_object()) return;
    EndpointSubset subset;
    for (const bool ready : {true, false}) {
      field.each(ready ? "addresses" : "notReadyAddresses", [&](const FieldReader& address) {
        if (!address.expect_object()) return;
        if (!address.at("ip").present()) address.fault("ip", "missing; write an IP address");
        const auto ip = decode_machine_ip(address.at("ip"));
        Endpoint endpoint;
        endpoint.ready = endpoint.serving = ready;
        endpoint.node = address.string("nodeName");
        decode_target_ref(address, endpoint);
        if (!ip) return;
        endpoint.address = *ip;
        subset.endpoints.push_back(std::move(endpoint));
      });
    }
    field.each("ports", [&subset](const FieldReader& port) {
      if (port.present() && port.value()->is_object() && !port.at("port").present()) {
        port.fault("port", "missing; write a port from 1 to 65535");
      }
      subset.ports.push_back(decode_endpoint_port(port, 1));
    });
    endpoints.subsets.push_back(std::move(subset));
  });
  return endpoints;
}

}  // namespace wherry::model
