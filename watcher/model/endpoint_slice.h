#pragma once

#include "base/ip_address.h"
#include "base/socket_address.h"
#include "watcher/model/object_meta.h"
#include "watcher/model/weight.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::model {

inline constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";
inline constexpr std::string_view kHeadlessLabel = "service.kubernetes.io/headless";
inline constexpr std::string_view kManagedByLabel = "endpointslice.kubernetes.io/managed-by";
/// The value of the last one that the EndpointSlice controller writes.
inline constexpr std::string_view kEndpointSliceController = "endpointslice-controller.k8s.io";

/// When the cause of what a slice says happened, as the EndpointSlice controller writes it.
inline constexpr std::string_view kLastChangeTriggerTime =
    "endpoints.kubernetes.io/last-change-trigger-time";

/// How many zones and how many nodes the hints of one endpoint may name.
inline constexpr std::size_t kMostHints = 8;

/// For whom an endpoint is meant, as the cluster's controller has written it: hints.forZones and
/// hints.forNodes (E11). Most endpoints have none, and those of a slice mostly the same: copies
/// share what they say.
class EndpointHints {
 public:
  EndpointHints() = default;
  EndpointHints(std::vector<std::string> zones, std::vector<std::string> nodes);

  [[nodiscard]] std::span<const std::string> zones() const noexcept {
    return said_ ? std::span<const std::string>(said_->zones) : std::span<const std::string>();
  }
  [[nodiscard]] std::span<const std::string> nodes() const noexcept {
    return said_ ? std::span<const std::string>(said_->nodes) : std::span<const std::string>();
  }
  [[nodiscard]] bool empty() const noexcept { return said_ == nullptr; }

  friend bool operator==(const EndpointHints& a, const EndpointHints& b) {
    return a.said_ == b.said_ || (a.said_ && b.said_ && *a.said_ == *b.said_);
  }

 private:
  struct Said {
    std::vector<std::string> zones;
    std::vector<std::string> nodes;
    friend bool operator==(const Said&, const Said&) = default;
  };
  std::shared_ptr<const Said> said_;  ///< null where there are no hints
};

struct Endpoint {
  IpAddress address;  ///< addresses[0]; the others mean the same endpoint (T6)
  bool ready = true;  ///< absent conditions: ready and serving, not terminating (E1)
  bool serving = true;
  bool terminating = false;
  Weight weight = kDefaultWeight;  ///< of the pod, where that was read; slices do not say
  std::string node;                ///< nodeName; may be empty
  std::string pod;                 ///< name in targetRef, where that is a Pod
  std::string pod_uid;             ///< uid in targetRef
  EndpointHints hints{};

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointPort {
  std::optional<std::string> name;  ///< none: not for a service port (T2)
  Protocol protocol = Protocol::TCP;
  std::optional<std::uint16_t> port;  ///< none: "all ports", which nobody serves (T2)

  friend bool operator==(const EndpointPort&, const EndpointPort&) = default;
};

enum class AddressType : std::uint8_t { IPv4, IPv6, FQDN };

/// discovery.k8s.io/v1 EndpointSlice. Every port holds for every endpoint. Of its labels only the
/// three above are kept, of its annotations only kLastChangeTriggerTime.
struct EndpointSlice {
  ObjectMeta meta;
  AddressType address_type = AddressType::IPv4;
  std::vector<Endpoint> endpoints;  ///< empty where the type is FQDN: names are not served (S8)
  std::vector<EndpointPort> ports;

  /// The Service that the slice says it belongs to; an empty name where it does not say.
  [[nodiscard]] ObjectKey service() const {
    const std::string* name = find(meta.labels, kServiceNameLabel);
    return {meta.key.name_space, name == nullptr ? std::string() : *name};
  }

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

/// Whether both say the same of the same Service: everything but annotations, which only measure,
/// and whatever else of the metadata offers no endpoint.
[[nodiscard]] inline bool same_endpoints(const EndpointSlice& a, const EndpointSlice& b) {
  return a.meta.key == b.meta.key && a.meta.labels == b.meta.labels &&
         a.address_type == b.address_type && a.ports == b.ports && a.endpoints == b.endpoints;
}

}  // namespace wherry::model
