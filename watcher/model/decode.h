#pragma once

#include "base/document/field_reader.h"
#include "watcher/model/endpoint_slice.h"
#include "watcher/model/endpoints.h"
#include "watcher/model/node.h"
#include "watcher/model/pod.h"
#include "watcher/model/service.h"
#include "watcher/model/service_cidr.h"

#include <optional>
#include <string>
#include <string_view>

/// Kubernetes objects out of JSON values. Each function reads all that it can: what is absent takes
/// the API's default, what can't be read (a wrong type, an address that is none, a port out of
/// range) adds a fault to the reader's list and is left out. Unknown fields are passed over.
/// Pure; any thread.
namespace wherry::model {

using document::FieldReader;

enum class Kind { Service, Pod, Node, EndpointSlice, Endpoints, ServiceCidr, List, Other };

/// What an object says it is.
struct TypeMeta {
  std::string api_version;
  std::string kind;

  [[nodiscard]] Kind classify() const;
};

/// Faults where one of the two is missing.
[[nodiscard]] TypeMeta decode_type(const FieldReader& object);

[[nodiscard]] Service decode_service(const FieldReader& object);
[[nodiscard]] EndpointSlice decode_endpoint_slice(const FieldReader& object);
[[nodiscard]] Endpoints decode_endpoints(const FieldReader& object);
[[nodiscard]] Pod decode_pod(const FieldReader& object);
[[nodiscard]] Node decode_node(const FieldReader& object);
[[nodiscard]] ServiceCidr decode_service_cidr(const FieldReader& object);

}  // namespace wherry::model
