#pragma once

#include "watcher/model/endpoint_slice.h"
#include "watcher/model/node.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"
#include "watcher/model/service_cidr.h"

#include <boost/json/object.hpp>

/// Objects as JSON that the API would take, with the fields that the model has. What the decoders
/// (decode.h) make of it is the same object again. Pure; any thread.
namespace wherry::model {

[[nodiscard]] boost::json::object encode(const Service& service);
[[nodiscard]] boost::json::object encode(const EndpointSlice& slice);
[[nodiscard]] boost::json::object encode(const Pod& pod);
[[nodiscard]] boost::json::object encode(const Node& node);
[[nodiscard]] boost::json::object encode(const ServiceCidr& service_cidr);

}  // namespace wherry::model
