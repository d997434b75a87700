#pragma once

#include "watcher/model/endpoint_slice.h"
#include "watcher/model/object_meta.h"

#include <vector>

namespace wherry::model {

struct EndpointSubset {
  std::vector<Endpoint> endpoints;  ///< of both families; notReadyAddresses are not ready
  std::vector<EndpointPort> ports;

  friend bool operator==(const EndpointSubset&, const EndpointSubset&) = default;
};

/// core/v1 Endpoints: what people wrote by hand before EndpointSlices. Read from manifests only
/// (W2); its name is the Service's.
struct Endpoints {
  ObjectMeta meta;
  std::vector<EndpointSubset> subsets;

  friend bool operator==(const Endpoints&, const Endpoints&) = default;
};

/// The same as EndpointSlices, one per subset and family, as Kubernetes' mirroring controller
/// makes them; an empty one where there is no address at all. Pure.
[[nodiscard]] std::vector<EndpointSlice> to_slices(const Endpoints& endpoints);

}  // namespace wherry::model
