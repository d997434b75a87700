#pragma once

#include "base/document/field_path.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/endpoints.h"
#include "watcher/model/node.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"
#include "watcher/model/service_cidr.h"

/// What the API server would refuse about an object that could be decoded. Objects from a cluster
/// have passed its validation; manifests have not, so they pass this one. Only what is wrong
/// everywhere is a fault here, never what depends on a cluster's settings (node port range,
/// service CIDR, ipFamilyPolicy). Pure.
namespace wherry::model {

[[nodiscard]] document::FieldFaults validate(const Service& service);
[[nodiscard]] document::FieldFaults validate(const EndpointSlice& slice);
[[nodiscard]] document::FieldFaults validate(const Endpoints& endpoints);
[[nodiscard]] document::FieldFaults validate(const Pod& pod);
[[nodiscard]] document::FieldFaults validate(const Node& node);
[[nodiscard]] document::FieldFaults validate(const ServiceCidr& service_cidr);

}  // namespace wherry::model
