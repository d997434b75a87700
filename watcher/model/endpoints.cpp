#include "watcher/model/endpoints.h"

#include <string>

namespace wherry::model {

namespace {

/// The name holds a slash, which no real object has, so that it never meets a slice of that name.
EndpointSlice make_slice(const Endpoints& endpoints, std::size_t subset, IpFamily family) {
  EndpointSlice slice;
  slice.meta.key = endpoints.meta.key;
  slice.meta.key.name +=
      "/endpoints-" + std::to_string(subset) + (family == IpFamily::IPv4 ? "-ipv4" : "-ipv6");
  slice.meta.created = endpoints.meta.created;
  // Only the labels that somebody reads: thousands of subsets would copy thousands of others.
  slice.meta.labels.emplace(std::string(kServiceNameLabel), endpoints.meta.key.name);
  if (const std::string* headless = find(endpoints.meta.labels, kHeadlessLabel)) {
    slice.meta.labels.emplace(std::string(kHeadlessLabel), *headless);
  }
  slice.address_type = family == IpFamily::IPv4 ? AddressType::IPv4 : AddressType::IPv6;
  return slice;
}

}  // namespace

std::vector<EndpointSlice> to_slices(const Endpoints& endpoints) {
  std::vector<EndpointSlice> slices;
  for (std::size_t i = 0; i < endpoints.subsets.size(); ++i) {
    const EndpointSubset& subset = endpoints.subsets[i];
    for (const IpFamily family : {IpFamily::IPv4, IpFamily::IPv6}) {
      EndpointSlice slice = make_slice(endpoints, i, family);
      for (const Endpoint& endpoint : subset.endpoints) {
        if (endpoint.address.family() == family) slice.endpoints.push_back(endpoint);
      }
      if (slice.endpoints.empty()) continue;
      slice.ports = subset.ports;
      slices.push_back(std::move(slice));
    }
  }
  // Endpoints that name nobody still say that the Service's backends are not its pods.
  if (slices.empty()) slices.push_back(make_slice(endpoints, 0, IpFamily::IPv4));
  return slices;
}

}  // namespace wherry::model
