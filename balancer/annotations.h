#pragma once

#include "balancer/picker/algorithm.h"
#include "balancer/port_range.h"
#include "base/duration.h"
#include "base/ip_address.h"
#include "watcher/model/service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::balancer {

inline constexpr std::string_view kBalanceAnnotation = "wherry.io/balance";
/// kube-router's; in the names of ipvs schedulers.
using model::kSchedulerAnnotation;
inline constexpr std::string_view kSlowStartAnnotation = "wherry.io/slow-start";
inline constexpr std::string_view kListenAddressAnnotation = "wherry.io/listen-address";
inline constexpr std::string_view kPortRangeAnnotation = "wherry.io/port-range";
inline constexpr std::string_view kUdpIdleTimeoutAnnotation = "wherry.io/udp-idle-timeout";
inline constexpr std::string_view kUdpPerDatagramAnnotation = "wherry.io/udp-per-datagram";
inline constexpr std::string_view kProxyProtocolAnnotation = "wherry.io/proxy-protocol";

/// The header that tells a backend who the client is.
enum class ProxyProtocol : std::uint8_t { None, V1, V2 };

/// What a Service's annotations ask for.
struct ServiceOptions {
  Algorithm algorithm = Algorithm::RoundRobin;
  Duration slow_start{};                     ///< how long a new pod's share grows; 0: not at all
  std::optional<Duration> udp_idle_timeout;  ///< nothing: the default
  bool udp_per_datagram = false;             ///< a choice for every datagram, not for every flow
  ProxyProtocol proxy_protocol = ProxyProtocol::None;

  friend bool operator==(const ServiceOptions&, const ServiceOptions&) = default;
};

struct Annotations {
  ServiceOptions options;
  std::vector<IpAddress> listen_addresses;  ///< of any family
  /// Ports that all lead to the Service's port that is among them.
  std::optional<PortRange> port_range;
  /// What has a bad value, where the default holds: each names object, annotation and remedy.
  std::vector<std::string> warnings;
};

/// Reads all annotations of a Service; `default_algorithm` is the node's, for a Service that names
/// none. Pure.
[[nodiscard]] Annotations read_annotations(const model::Service& service,
                                           Algorithm default_algorithm);

}  // namespace wherry::balancer
