#pragma once

#include "base/cidr.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "proxy/steer/netlink.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wherry::steer {

/// How an interface deals with ARP (net.ipv4.conf.IF.arp_ignore and arp_announce).
struct ArpValues {
  std::uint32_t ignore = 0;    ///< to which requests it does not reply
  std::uint32_t announce = 0;  ///< whose address its own requests come from

  friend bool operator==(const ArpValues&, const ArpValues&) = default;
};

struct InterfaceAddress {
  IpAddress ip{};
  int prefix_length = 0;
  bool is_link_local = false;
  /// Duplicate address detection has not ended yet, or has failed: no route may name it (IPv6).
  bool is_tentative = false;

  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

struct Interface {
  unsigned index = 0;
  std::string name{};
  std::string kind{};  ///< "veth", "vxlan", "wireguard", ...; empty for hardware
  bool is_loopback = false;
  bool is_up = false;
  bool has_arp = false;            ///< it asks and answers who has an address
  std::optional<ArpValues> arp{};  ///< its own; none where it has no IPv4
  std::vector<InterfaceAddress> addresses{};
  unsigned master = 0;                ///< the index of the bridge, bond, ... that it is a port of
  std::array<std::uint8_t, 6> mac{};  ///< all zero where it has none
};

/// A way to other machines, as the routing tables have it.
struct UnicastRoute {
  Cidr destination;
  unsigned interface = 0;  ///< its index
  bool has_gateway = false;
};

/// The network of this namespace at one moment.
struct NetworkState {
  std::vector<Interface> interfaces;
  std::vector<UnicastRoute> routes;
  /// net.ipv4.conf.all: of this and the interface's own value the larger one counts.
  ArpValues arp_of_all;

  /// The interface's that has this address, or null.
  [[nodiscard]] const InterfaceAddress* find(const IpAddress& address) const;
};

/// Looks at the network of this namespace. One thread.
class NetworkReader {
 public:
  virtual ~NetworkReader() = default;
  [[nodiscard]] virtual Result<NetworkState> read() = 0;
};

/// The kernel's (rtnetlink), of the namespace that the socket is in.
class NetlinkReader final : public NetworkReader {
 public:
  explicit NetlinkReader(NetlinkSocket& netlink) : netlink_(netlink) {}
  [[nodiscard]] Result<NetworkState> read() override;

 private:
  [[nodiscard]] error_code read_links(NetworkState& into);
  [[nodiscard]] error_code read_addresses(NetworkState& into);
  [[nodiscard]] error_code read_routes(NetworkState& into, IpFamily ip_family);

  NetlinkSocket& netlink_;
};

/// Changes what an interface does with ARP.
class ArpSwitch {
 public:
  virtual ~ArpSwitch() = default;
  [[nodiscard]] virtual NetlinkFailure set(unsigned interface, const ArpValues& values) = 0;
};

/// By RTM_SETLINK, which needs CAP_NET_ADMIN in the namespace and no writable /proc/sys.
class NetlinkArpSwitch final : public ArpSwitch {
 public:
  explicit NetlinkArpSwitch(NetlinkSocket& netlink) : netlink_(netlink) {}
  [[nodiscard]] NetlinkFailure set(unsigned interface, const ArpValues& values) override;

 private:
  NetlinkSocket& netlink_;
};

}  // namespace wherry::steer
